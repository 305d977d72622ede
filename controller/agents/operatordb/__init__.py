"""An agent's own operator.db, read where it lies: never created, never locked for longer than a look, never changed."""
