"""Campaigns while they run: told in lines as things happen, and on a terminal also what happens right now."""
