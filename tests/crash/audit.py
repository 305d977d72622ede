"""What was done to pods, and by whom, by the API server's own audit log: the controller's word counts nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

POLICY: Mapping[str, Any] = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {
            "level": "RequestResponse",
            "verbs": ["create", "update", "patch", "delete", "deletecollection"],
            "resources": [{"group": "", "resources": ["pods"]}],
        },
        {"level": "None"},
    ],
}
"""Changes of pods, with the answer in full; nothing else. A subresource such as pods/status is another resource."""


@dataclass(frozen=True)
class Mutation:
    """A change of a pod that the API server accepted. `uid` is that of the pod it changed; `at` is UTC."""

    verb: str
    name: str
    uid: str
    at: datetime


def flags(folder: Path) -> list[str]:
    """kube-apiserver's flags for a log in this folder, whose policy is written there."""
    policy = folder / "audit-policy.json"
    policy.write_text(json.dumps(POLICY))
    # Unbuffered: what was answered is in the file.
    return [f"--audit-policy-file={policy}", f"--audit-log-path={log_of(folder)}", "--audit-log-mode=blocking-strict"]


def log_of(folder: Path) -> Path:
    """The log's path."""
    return folder / "audit.log"


def mutations(lines: Iterable[str], user: str) -> Iterator[Mutation]:
    """Those by this user, in the order in which they were answered."""
    for line in lines:
        event = json.loads(line)
        code = event.get("responseStatus", {}).get("code", 0)
        if event["user"]["username"] == user and 200 <= code < 300:
            where, pod = event["objectRef"], event.get("responseObject", {})
            uid = pod.get("metadata", {}).get("uid", "")
            at = datetime.fromisoformat(event["requestReceivedTimestamp"])
            yield Mutation(event["verb"], where.get("name", ""), uid, at)
