"""Reads the records, from their database or over HTTP from the controller that has them open.

`protocol` defines the interface. `database` and `remote` implement it; `server` serves what `remote` reads, in the
controller. Between them rows are JSON, which `serialization` writes and reads, and which the command line prints too
(docs/json.md).
"""
