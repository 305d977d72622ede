"""Which oracle judged: kept in every captured state, and changed whenever the oracle's verdicts could differ."""

ORACLE_VERSION = "tikv/1"
