"""Reads an agent's own operator.db. The file is never created or changed, and is locked only while it is read."""
