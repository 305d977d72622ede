"""Putting the controller and a subject into the cluster, and taking them out."""
