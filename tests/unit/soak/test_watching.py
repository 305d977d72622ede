"""The watch of the soak and end-to-end tests: over the command line's client, and kept up."""

from __future__ import annotations

from controller.cli.cluster.api import Api
from controller.connection import Connection
from tests.support.hearing import hearing
from tests.support.watching import NamespaceWatch

CAMPAIGN = {"metadata": {"namespace": "default", "name": "c", "uid": "u"}, "spec": {"trials": 3}}
PATIENCE_SECONDS = 120


def test_every_watch_begins_with_what_there_is_and_the_next_follows() -> None:
    with hearing("server") as server:
        server.answer = {"type": "ADDED", "object": CAMPAIGN}
        watch = NamespaceWatch("default", Api(Connection(server.url, "a test")))
        try:
            first, second = (watch.next(PATIENCE_SECONDS) for _ in range(2))
        finally:
            watch.close()
    assert first is not None and first == second and (first.name, first.trials) == ("c", 3)
    path = "/apis/evalcampaign.dev/v1alpha1/namespaces/default/evalcampaigns?timeoutSeconds=2&watch=true"
    assert {each.path for each in server.heard} == {path}


def test_what_goes_wrong_is_tried_again() -> None:
    with hearing("server") as server:
        server.takes = lambda heard: False
        server.answer = {"type": "ADDED", "object": CAMPAIGN}
        watch = NamespaceWatch("default", Api(Connection(server.url, "a test")))
        try:
            assert watch.next(0.3) is None
            server.takes = lambda heard: True
            assert watch.next(PATIENCE_SECONDS) is not None
        finally:
            watch.close()
