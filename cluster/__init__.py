"""The cluster on this machine: its tools, its images, and the way up and down.

Run as ``python -m cluster COMMAND``. Nothing of this package is part of the controller; it needs root or sudo only
where no Docker engine runs yet or no image registry can be reached. See docs/cluster.md.
"""
