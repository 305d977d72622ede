"""The Docker engine: the one that runs, or one of our own."""
