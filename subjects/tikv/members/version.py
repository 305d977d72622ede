"""The version of TiKV's oracle, for records."""

ORACLE_VERSION = "tikv/2"
"""Raised whenever the meaning of a verdict changes: results of different oracles are not compared."""
