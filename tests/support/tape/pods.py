"""What Kubernetes says of the pods. The recordings hold neither addresses nor images: both are made up here."""

from __future__ import annotations

from collections.abc import Mapping

from subjects.cluster import Pod, Workload
from tests.support.tape.presence import struck
from tests.support.tape.recording import Recording

ROLES = ("pd", "tikv")
IMAGES = {"pd": {"pd": "pingcap/pd:v8.5.5"}, "tikv": {"tikv": "pingcap/tikv:v9.0.0-beta.2"}}
PAUSE = "registry.k8s.io/pause:3.10.1"
"""The one that `node_down` was recorded with; the command of `quorum_loss` does not spell it out."""


def pods_at(recording: Recording, t: float, role: str) -> Mapping[str, Pod]:
    """The pods of one role by name. A patched pod asks for its new image from the command on, until it is replaced."""
    return {
        name: Pod(
            name=name,
            uid=seen.uid,
            ready=seen.ready,
            deleting=seen.deleting,
            ip=address(seen.uid) if seen.phase != "Pending" else None,
            images={role: PAUSE} if seen.uid in _paused(recording, t) else IMAGES[role],
            restarts=seen.restarts,
            phase=seen.phase,
        )
        for name, seen in sorted(recording.frame(t).pods.items())
        if role_of(name) == role
    }


def role_of(name: str) -> str:
    """A pod is called after its StatefulSet."""
    return name.rsplit("-", 1)[0]


def address(uid: str) -> str:
    """A pod IP of its own for every pod that ever was, the same in every recording."""
    return ".".join(["10", *(str(byte) for byte in bytes.fromhex(uid))])


def workload(role: str) -> Workload:
    """The StatefulSet."""
    return Workload(role, replicas=3, images=IMAGES[role], claims=("data",), service=f"{role}-peer")


def _paused(recording: Recording, t: float) -> frozenset[str]:
    own = struck(recording) if "pause" in recording.command and t >= 0 else frozenset()
    return own | _paused(recording.first, 0) if recording.first is not None else own
