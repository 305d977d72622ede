"""The controller killed with SIGKILL at every point of an attempt, on a real API server; what is left is counted.

`python -m tests.crash` runs it (docs/crash.md).
"""
