"""`make demo`: example campaigns, created, followed to their end, and their results."""
