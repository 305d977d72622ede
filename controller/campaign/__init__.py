"""One campaign, from its preconditions to its finalizer."""
