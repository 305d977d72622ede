"""The tape: at any time, what Kubernetes, PD, the stores and the writing client of one recording say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from subjects.cluster import Pod
from tests.support.tape.pd import Reply, pd_reply
from tests.support.tape.pods import address, pods_at, role_of
from tests.support.tape.presence import Silence, silence
from tests.support.tape.reading import load
from tests.support.tape.recording import Recording, Write
from tests.support.tape.tikv import store_reply

PORTS = {2379: "pd", 20180: "tikv"}


class Tape:
    """Plays one recording. Every method takes the time in seconds after the command; nothing is kept between calls."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @classmethod
    def load(cls, name: str) -> Tape:
        """The tape of a recording by name: see `reading.NAMES`."""
        return cls(load(name))

    def instant(self, t: float) -> datetime:
        """That time as the recorded cluster's clocks showed it, in UTC: what heartbeats must be held against."""
        return datetime.fromtimestamp(self.recording.t0, UTC) + timedelta(seconds=t)

    def pods(self, t: float, role: str) -> Mapping[str, Pod]:
        """The pods of `pd` or `tikv` by name, as Kubernetes has them."""
        return pods_at(self.recording, t, role)

    def changes(self) -> tuple[float, ...]:
        """The times after which pods may differ, in order."""
        return tuple(sorted({0.0, *(frame.t for frame in self.recording.frames[1:])}))

    def answer(self, t: float, role: str, pod_name: str, path: str) -> Reply | Silence:
        """What a GET on this pod's own HTTP port gets (PD's 2379, a store's 20180). Of a query only `state` counts."""
        silent = silence(self.recording, t, pod_name)
        if silent is not None:
            return silent
        reply = (pd_reply if role == "pd" else store_reply)(self.recording, t, pod_name, path)
        return replace(reply, body=json.loads(json.dumps(reply.body)))  # the asker's own, whatever is done to it

    def answer_at(self, t: float, host: str, port: int, path: str) -> Reply | Silence:
        """The same by address: a pod IP, or a name that begins with the pod's. Nobody is at a replaced pod's IP."""
        for name, seen in self.recording.frame(t).pods.items():
            if host.split(".")[0] == name or host == address(seen.uid):
                return (
                    self.answer(t, role_of(name), name, path) if PORTS.get(port) == role_of(name) else Silence.REFUSES
                )
        return Silence.REFUSES

    def write(self, t: float) -> Write | None:
        """How a write of the recorded client, to region 8, went that was asked then. None: it did not write then."""
        return self.recording.write(t)
