"""An agent's operator.db: a SQLite file that the agent writes and we only read."""
