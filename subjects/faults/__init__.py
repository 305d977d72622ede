"""Faults that several subjects share, one file each; `podfault.py` is what those have in common whose targets are pods.

How to add one: docs/subjects/faults.md.
"""
