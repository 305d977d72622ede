"""Returns sentences for old records, in which faults and subjects stored none. Pure.

New faults and subjects need no entry here: the record of a fault holds its sentence (`Fault.happened`), and the state
of a subject holds the source of *serving* (`servingAccordingTo`).
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
    """Returns a clause in the past tense on what was done to each target; for an unknown type, with the type's name."""
    targets = fault.get("targets") or [{"name": "something", "facts": {}}]
    return "; ".join(_describe_target(chaos, each["name"], each.get("facts", {})) for each in targets)


def serving_according_to(initial_state: Mapping[str, Json]) -> str:
    """Returns the source of *serving* where that was not the controller's own client; empty where it was."""
    return "the stores' own word (nobody wrote)" if initial_state.get("probe") == "none" else ""


def _describe_target(chaos: str, target: str, facts: Mapping[str, Json]) -> str:
    happened = _HAPPENED.get(chaos, chaos + " was done to {target}").format(target=target)
    return happened + "".join(f", which {relation}" for relation in _relations(facts))


def _relations(facts: Mapping[str, Json]) -> Iterator[str]:
    if "ledRegions" in facts:
        yield f"led {facts['ledRegions']} of {facts.get('regions', '?')} regions"
    if "led" in facts:
        yield "led PD" if facts["led"] else "did not lead PD"
