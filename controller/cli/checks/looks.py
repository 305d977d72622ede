"""All looks at the cluster, in the order in which one needs the other; trouble with one does not hide the next."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from controller.cli.checks import agents, cluster, controller, definition, namespaces, workloads
from controller.cli.checks.finding import Finding, fail
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import CommandFailed, NoCluster, Unreachable
from controller.cli.source import about_controller


def looks(context: str | None, namespace: str | None) -> Iterator[Finding]:
    """Nothing more is looked at where there is no API server that answers."""
    try:
        api = Api.connect(context)
        campaigns = namespace or api.namespace
        yield from cluster.look(api, campaigns)
    except NoCluster as error:
        yield fail(str(error), "set KUBECONFIG, or choose another --context")
        return
    except Unreachable as error:
        yield fail(str(error), "is the cluster up, and does kubeconfig lead to it?")
        return
    # Generators: none of them has begun to look yet.
    for look in (
        definition.look(api),
        controller.look(api, partial(about_controller, context)),
        namespaces.look(api, campaigns),
        workloads.look(api, campaigns),
        agents.look(api, campaigns),
    ):
        try:
            yield from look
        except CommandFailed as error:
            yield fail(str(error), "have somebody with more rights run this")
