"""Is the controller alive, and is it this version?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from controller.cli.checks.finding import Finding, fail, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import DEPLOY, NAMESPACE, find_pod
from controller.cli.cluster.errors import CommandFailed, Refused
from controller.records.errors import RecordsError
from controller.records.schema import HEAD
from controller.version import SOURCE_TREE, VERSION

About = Callable[[], Mapping[str, str]]
"""What the controller says of itself over a port-forward. Raises RecordsError or CommandFailed."""


def look(api: Api, about: About) -> Iterator[Finding]:
    """Its pod first; then what answers in it."""
    try:
        pod = find_pod(api)
    except Refused as refused:
        yield warn(f"Whether the controller runs cannot be told: {refused}", f"ask who may see namespace {NAMESPACE}")
        return
    except CommandFailed as error:
        what, _, fix = str(error).partition(": ")
        yield fail(what, fix or DEPLOY)
        return
    yield ok(f"The controller runs: pod {NAMESPACE}/{pod}")
    try:
        said = about()
    except (RecordsError, CommandFailed) as error:
        yield warn(f"The controller does not answer questions about the records: {error}")
        return
    # Of a source tree only the schema can be compared.
    alike = said["version"] == VERSION or SOURCE_TREE in (said["version"], VERSION)
    if alike and said["schema"] == HEAD:
        yield ok(f"It is version {said['version']} and fits this command, and its records can be read from here")
    else:
        yield warn(
            f"The controller is version {said['version']} (records schema {said['schema']}), this command {VERSION} "
            f"({HEAD})",
            "use the same version of both",
        )
