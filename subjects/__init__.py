"""The systems that campaigns can break. A new one is a folder here and a line in `SUBJECTS`."""

from collections.abc import MutableMapping

from subjects.etcd import EtcdSubject
from subjects.protocol import SubjectFactory
from subjects.tikv import TikvSubject

SUBJECTS: MutableMapping[str, SubjectFactory] = {
    "etcd": EtcdSubject,
    "tikv": TikvSubject,
}
