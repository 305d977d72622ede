"""etcd, of the version that Kubernetes itself ships: a subject that is real wherever Kubernetes is."""

from subjects.etcd.subject import EtcdSubject

__all__ = ["EtcdSubject"]
