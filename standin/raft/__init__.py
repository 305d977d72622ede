"""Raft as raft-rs plays it in TiKV, so far as time and redundancy show: votes, leases, a log, snapshots."""
