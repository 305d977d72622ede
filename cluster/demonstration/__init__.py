"""`make demo`: two campaigns, followed to their end."""
