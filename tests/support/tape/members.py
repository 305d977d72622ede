"""PD's own members: who leads, who is healthy, since when each runs."""

from __future__ import annotations

from tests.support.tape.recording import Json, Recording


def leader_at(recording: Recording, t: float) -> str:
    """PD's leader: the one ahead of the command until a poll found it sick or replaced, then the one at the end."""
    old, new = (snapshot.body("/leader")["name"] for snapshot in (recording.snapshots[0], recording.snapshots[-1]))
    uid = recording.frames[0].pods[old].uid
    polls = (frame for frame in recording.frames if frame.t <= t)
    return str(new if any(not poll.health[old] or poll.pods[old].uid != uid for poll in polls) else old)


def members(recording: Recording, t: float) -> Json:
    """The member list."""
    body = recording.snapshot(t).body("/members")
    leader = next(member for member in body["members"] if member["name"] == leader_at(recording, t))
    return body | {"leader": leader, "etcd_leader": leader}


def leader(recording: Recording, t: float) -> Json:
    """The leader as PD gives it when asked for nothing else: without versions and paths."""
    keys = recording.snapshot(t).body("/leader").keys()
    return {key: value for key, value in members(recording, t)["leader"].items() if key in keys}


def health(recording: Recording, t: float) -> Json:
    """Every member with its health."""
    seen = recording.frame(t).health
    return [member | {"health": seen[member["name"]]} for member in recording.snapshot(t).body("/health")]


def status(recording: Recording, t: float, member: str) -> Json:
    """A member of itself. Full answers hold one member's start each: a replaced member has the latest of them."""
    starts = [snapshot.body("/status")["start_timestamp"] for snapshot in recording.snapshots]
    replaced = recording.frame(t).pods[member].uid != recording.frames[0].pods[member].uid
    return recording.snapshot(t).body("/status") | {"start_timestamp": max(starts) if replaced else min(starts)}
