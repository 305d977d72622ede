"""What a campaign may say of an etcd beyond where it lives: nothing. Pure."""

from __future__ import annotations

from subjects.etcd.api import CLIENT_PORT, SELECTOR, WORKLOAD
from subjects.protocol import SubjectOptions, Unsupported

ALTERNATIVES = {
    "probe": ("spec.subject.probe", "its oracle always writes, one key through every member"),
    "selectors": ("spec.subject.selectors", f"it is the StatefulSet {WORKLOAD}, its pods labelled {SELECTOR}"),
    "endpoints": ("spec.subject.endpoints", f"members are asked at their pods' addresses, port {CLIENT_PORT}"),
    "tls_secret": ("spec.subject.tlsSecret", "members are asked in plain HTTP"),
    "reset": ("spec.reset", "its reset mends pods, moves leadership and keeps all data"),
}
"""By field of SubjectOptions: its name in a campaign, and what is done instead."""


def refuse_options(options: SubjectOptions) -> None:
    """Returns where nothing is asked for; else Unsupported with every field that is, and what etcd does instead."""
    nothing = SubjectOptions()
    asked = [
        f"{field} ({instead})"
        for name, (field, instead) in ALTERNATIVES.items()
        if getattr(options, name) != getattr(nothing, name)
    ]
    if asked:
        raise Unsupported(f"etcd does not take {', '.join(asked)}; leave it out")
