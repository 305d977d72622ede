"""Runs and observes an agent: its Deployment, and the sources of its tickets and commands."""
