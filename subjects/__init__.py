"""The systems that campaigns can break, and the faults that break them. `registry.py` finds them."""
