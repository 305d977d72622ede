"""A stand-in for PD and TiKV, for machines that cannot pull their images. Not a database: see docs/standin.md.

The behaviour is in state machines without I/O and without a clock: `pd.member.Member`, `tikv.store.Store` and, under
both, `raft.peer.Peer`. `shell/` runs one of them in a container; tests run six in virtual time
(`tests/support/standin`).
"""

VERSION = "8.5.5-standin"
"""What every answer that names a version says, so that nobody takes the stand-in for the real thing."""
