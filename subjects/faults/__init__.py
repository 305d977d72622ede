"""Faults that several subjects share, one file each. `podfault.py` holds what faults that hit pods have in common."""
