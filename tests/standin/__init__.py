"""A stand-in for PD and TiKV, for machines that cannot pull their images. Not a database: see docs/standin.md.

The behaviour is in state machines without I/O and without a clock: `pd.member.Member`, `tikv.store.Store` and, under
both, `raft.peer.Peer`. `simulation/` runs six of them in virtual time; `shell/` runs one in a container.
"""

VERSION = "8.5.5-standin"
"""What every answer that names a version says, so that nobody takes the stand-in for the real thing."""
