"""Derives symptoms from what can be seen from outside: pods, their StatefulSets, and for TiKV the stores that PD lists.

Pure: responses of the Kubernetes API and of PD go in, an observation comes out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = Any


@dataclass(frozen=True, slots=True)
class Symptom:
    """A sign of a problem. `kind` is one word, `about` the pod or service that shows it, `text` a sentence."""

    kind: str
    about: str
    text: str


@dataclass(frozen=True, slots=True)
class Member:
    """A pod that a StatefulSet wants. `uid` is None where there is none; `terminating`: it is being deleted.

    `image_differs`: it runs other images than its StatefulSet's template names. Such a pod was changed by hand, and no
    restart in place brings the template's back: only a new pod does.
    """

    name: str
    workload: str
    uid: str | None
    ready: bool
    terminating: bool
    image_differs: bool


@dataclass(frozen=True, slots=True)
class Observation:
    """The state of the system at one time. `at` is monotonic, in seconds."""

    at: float
    members: tuple[Member, ...]
    symptoms: tuple[Symptom, ...]

    def has_symptom(self, member: Member) -> bool:
        """Returns whether any symptom is about this member."""
        return any(symptom.about == member.name for symptom in self.symptoms)

    @property
    def summary(self) -> str:
        """All symptoms in one sentence."""
        return "; ".join(symptom.text for symptom in self.symptoms) or "nothing is wrong"


def build_observation(
    at: float, pods: Iterable[Json], statefulsets: Iterable[Json], stores: Sequence[Json] | None
) -> Observation:
    """Returns the observation. `stores` are those that PD lists: empty without a PD, None where PD does not answer."""
    by_name = {pod["metadata"]["name"]: pod for pod in pods}
    members = tuple(_members(by_name, statefulsets))
    symptoms = [symptom for member in members for symptom in _of_pod(member)]
    if stores is None:
        symptoms.append(Symptom("pd_silent", "pd", "PD does not answer"))
    symptoms += [symptom for store in stores or () for symptom in _of_store(store["store"])]
    return Observation(at, members, tuple(symptoms))


def _members(pods: Mapping[str, Json], statefulsets: Iterable[Json]) -> Iterator[Member]:
    for workload in statefulsets:
        name, spec = workload["metadata"]["name"], workload["spec"]
        wanted = _images(spec["template"]["spec"])
        for ordinal in range(spec.get("replicas", 1)):
            pod = pods.get(f"{name}-{ordinal}")
            if pod is None:
                yield Member(f"{name}-{ordinal}", name, None, ready=False, terminating=False, image_differs=False)
                continue
            yield Member(
                name=pod["metadata"]["name"],
                workload=name,
                uid=pod["metadata"]["uid"],
                ready=_is_ready(pod),
                terminating="deletionTimestamp" in pod["metadata"],
                # A webhook may add containers; what counts is that the template's are as it wants them.
                image_differs=not wanted.items() <= _images(pod["spec"]).items(),
            )


def _images(spec: Json) -> dict[str, str]:
    return {container["name"]: container["image"] for container in spec["containers"]}


def _is_ready(pod: Json) -> bool:
    conditions = pod.get("status", {}).get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def _of_pod(member: Member) -> Iterator[Symptom]:
    if member.uid is None:
        yield Symptom("pod_missing", member.name, f"{member.name} is missing")
        return
    if member.terminating:
        yield Symptom("pod_leaving", member.name, f"{member.name} is being deleted")
    elif not member.ready:
        yield Symptom("pod_not_ready", member.name, f"{member.name} is not Ready")
    if member.image_differs:
        text = f"{member.name} runs another image than its StatefulSet wants"
        yield Symptom("pod_image_differs", member.name, text)


def _of_store(store: Json) -> Iterator[Symptom]:
    if (state := store.get("state_name", "unknown")) != "Up":
        # The first label of the host is the pod's name.
        about = store.get("address", "").partition(":")[0].partition(".")[0] or f"store {store['id']}"
        yield Symptom("store_down", about, f"PD calls the store {about} {state}")
