"""Benchmarks: what the controller costs. `make bench` runs them all and prints what README.md quotes."""
