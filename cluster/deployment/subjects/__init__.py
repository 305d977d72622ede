"""The systems that can be put into the cluster to be broken. A new one is a file here and an entry in `SUBJECTS`."""

from cluster.deployment.subjects.base import Subject
from cluster.deployment.subjects.etcd import Etcd
from cluster.deployment.subjects.tikv.subject import Tikv
from cluster.errors import SetupError

SUBJECTS: dict[str, Subject] = {subject.name: subject for subject in (Tikv(), Etcd())}


def named(name: str) -> Subject:
    """One of them. SetupError that lists them when it is none."""
    if name not in SUBJECTS:
        raise SetupError(f"there is no subject {name} to deploy.", hint=f"use one of {', '.join(SUBJECTS)}.")
    return SUBJECTS[name]
