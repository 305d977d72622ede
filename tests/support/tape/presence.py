"""Which member answers, and when.

PD's word decides on its own members: the one that it finds healthy answers. A store answers while its pod is Running,
Ready and not being deleted, with one exception: readiness is late. A pod that the recording sees go, or lose its
readiness, was *struck* by the command, and falls silent with the first write that failed, or with the first poll after
the command where that came sooner or nobody wrote. (In `freeze` the polls are ten seconds apart and the writes alone
show how quick it was.) A store that was cut off from its peers is not struck: it goes on answering us.
"""

from __future__ import annotations

from enum import Enum
from functools import cache

from tests.support.tape.recording import PodSeen, Recording


class Silence(Enum):
    """How a member does not answer: it refuses the connection, or takes it and says nothing."""

    REFUSES = "connection refused"
    HANGS = "no answer"


def silence(recording: Recording, t: float, name: str) -> Silence | None:
    """None while the pod of this name answers."""
    frame = recording.frame(t)
    pod = frame.pods[name]
    if name in frame.health:
        return None if frame.health[name] and pod.phase == "Running" else Silence.REFUSES
    if t >= struck_at(recording) and pod.uid in struck(recording):
        return _frozen_or_gone(recording)
    return None if _well(pod) else _frozen_or_gone(recording)


def silent_since(recording: Recording, t: float, name: str) -> float:
    """When the silence began that lasts at `t`; `t` itself while the pod of this name answers."""
    since = t
    moments = {struck_at(recording), *(frame.t for frame in recording.frames)}
    for moment in sorted((moment for moment in moments if moment <= t), reverse=True):
        if silence(recording, moment, name) is None:
            break
        since = moment
    return since


@cache
def struck(recording: Recording) -> frozenset[str]:
    """The uids of the pods that were well ahead of the command, and then not or no more."""
    before = {name: pod for name, pod in recording.frames[0].pods.items() if _well(pod)}
    return frozenset(
        pod.uid
        for name, pod in before.items()
        for frame in recording.frames
        if frame.pods[name].uid != pod.uid or not _well(frame.pods[name])
    )


@cache
def struck_at(recording: Recording) -> float:
    """When the struck pods' processes stopped, in seconds after the command."""
    failed = (write.asked for write in recording.writes if not write.ok and write.asked >= 0)
    return min([*failed, *(frame.t for frame in recording.frames[1:])], default=0.0)


def _well(pod: PodSeen) -> bool:
    return pod.phase == "Running" and pod.ready and not pod.deleting


def _frozen_or_gone(recording: Recording) -> Silence:
    frozen = "kill -STOP" in recording.command or "kill -CONT" in recording.command
    return Silence.HANGS if frozen else Silence.REFUSES
