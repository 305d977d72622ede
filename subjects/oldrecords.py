"""Sentences for records of versions in which faults and subjects did not put any into the record. Pure.

Nothing is added here: a fault says itself what it did (`Fault.happened`), and a subject where its word on serving
comes from (`servingAccordingTo` in its captured state).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from subjects.fault import Json

_HAPPENED: Mapping[str, str] = {
    "node_kill": "the pod of {target} was deleted",
    "node_down": "{target} was put down, to stay down until somebody deletes its pod",
    "pd_kill": "the pod of {target} was deleted",
    "pd_leader_kill": "the pod of {target} was deleted",
}


def describe_fault(chaos: str, fault: Mapping[str, Json]) -> str:
    """What was done to each target, as a clause in the past tense. An unknown type of chaos is named as it is."""
    targets = fault.get("targets") or [{"name": "something", "facts": {}}]
    return "; ".join(_describe_target(chaos, each["name"], each.get("facts", {})) for each in targets)


def serving_according_to(initial_state: Mapping[str, Json]) -> str:
    """The source of *serving*, where that was not a client of ours; empty where it was."""
    return "the stores' own word (nobody wrote)" if initial_state.get("probe") == "none" else ""


def _describe_target(chaos: str, target: str, facts: Mapping[str, Json]) -> str:
    happened = _HAPPENED.get(chaos, chaos + " was done to {target}").format(target=target)
    return happened + "".join(f", which {relation}" for relation in _relations(facts))


def _relations(facts: Mapping[str, Json]) -> Iterator[str]:
    if "ledRegions" in facts:
        yield f"led {facts['ledRegions']} of {facts.get('regions', '?')} regions"
    if "led" in facts:
        yield "led PD" if facts["led"] else "did not lead PD"
