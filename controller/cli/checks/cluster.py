"""The checks of API server, CRD, controller and an agent's operator.db, and the order of all checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from controller.agents.operatordb.queries import FileQuery
from controller.agents.operatordb.reader import FileReader
from controller.agents.protocol import AgentUnreadable
from controller.api import GROUP, KIND, PLURAL, CampaignSpec, CampaignStatus
from controller.api import VERSION as API_VERSION
from controller.cli.checks import permissions
from controller.cli.checks.finding import Finding, fail, may, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.controller import DEPLOY, NAMESPACE, find_pod
from controller.cli.cluster.errors import CommandFailed, NoApiServer, Refused, Unreachable
from controller.cli.records_source import about_controller
from controller.records.errors import RecordsError
from controller.records.schema import HEAD
from controller.version import SOURCE_TREE, VERSION
from subjects.registry import installed


def check_api_server(api: Api, namespace: str) -> Iterator[Finding]:
    """Unreachable where it does not answer: nothing else can be checked then."""
    found = api.get("/version")
    yield ok(
        f"The API server answers: {found.get('gitVersion', 'unknown version')} at {api.url}, context {api.context}"
    )
    if may(api, {"group": GROUP, "resource": PLURAL, "verb": "create", "namespace": namespace}):
        yield ok(f"You may create campaigns in namespace {namespace}")
    else:
        yield warn(
            f"You may not create campaigns in namespace {namespace}",
            f"have somebody grant you create on {PLURAL}.{GROUP}, or name another with -n",
        )
    reading = {"resource": "pods", "subresource": "portforward", "namespace": NAMESPACE}
    if not all(may(api, {**reading, "verb": verb}) for verb in ("get", "create")):
        yield warn(
            f"You may not port-forward in namespace {NAMESPACE}: you cannot read the records from here",
            f"have somebody grant you get and create on pods/portforward in namespace {NAMESPACE}",
        )


About = Callable[[], Mapping[str, str]]
"""Returns the controller's version and schema, over a port-forward. Raises RecordsError or CommandFailed."""


def check_controller(api: Api, about: About) -> Iterator[Finding]:
    """Checks the controller's pod, and then its version and schema."""
    try:
        pod = find_pod(api)
    except Refused as refused:
        yield warn(f"Whether the controller runs is unknown: {refused}", f"ask who may see namespace {NAMESPACE}")
        return
    except CommandFailed as error:
        what, _, fix = str(error).partition(": ")
        yield fail(what, fix or DEPLOY)
        return
    yield ok(f"The controller runs: pod {NAMESPACE}/{pod}")
    try:
        running = about()
    except (RecordsError, CommandFailed) as error:
        yield warn(f"The controller does not answer questions about the records: {error}")
        return
    # A source tree has no version, so only its schema can be compared.
    alike = running["version"] == VERSION or SOURCE_TREE in (running["version"], VERSION)
    if alike and running["schema"] == HEAD:
        yield ok(f"It is version {running['version']} and fits this command, and its records can be read from here")
    else:
        yield warn(
            f"The controller is version {running['version']} (records schema {running['schema']}), "
            f"this command {VERSION} ({HEAD})",
            "use the same version of both",
        )


APPLY = "kubectl apply -f crds"
MAX_FIELDS = 5


def check_definition(api: Api) -> Iterator[Finding]:
    """Every user of a cluster may read what its API offers, so this takes no rights over CRDs."""
    try:
        served = api.get(f"/apis/{GROUP}/{API_VERSION}")
    except Refused as refused:
        if refused.status != 404:
            raise
        served = {"resources": []}
    if not any(each["name"] == PLURAL for each in served["resources"]):
        yield fail(f"The cluster has no {PLURAL}.{GROUP}", APPLY)
        return
    schemas = api.get(f"/openapi/v3/apis/{GROUP}/{API_VERSION}")["components"]["schemas"]
    schema = next((each for name, each in schemas.items() if name.endswith(f".{KIND}")), None)
    if schema is None:
        yield warn(f"The CRD {PLURAL}.{GROUP} is there, and the API server does not say which fields it has")
        return
    yield compare_fields(schema["properties"])


def compare_fields(parts: Mapping[str, Any]) -> Finding:
    """The served schema against this version's. Pure."""
    served = {name for part in ("spec", "status") for name in of_schema(parts.get(part, {}), part)}
    expected = {*of_model(CampaignSpec, "spec"), *of_model(CampaignStatus, "status")}
    if missing := expected - served:
        return fail(f"The CRD is older than this command: it lacks {_some(missing)}", APPLY)
    if more := served - expected:
        return warn(f"The CRD is newer than this command: it also has {_some(more)}", "use the controller's version")
    return ok(f"The CRD {PLURAL}.{GROUP} has the fields of this version")


def of_schema(node: Mapping[str, Any], path: str) -> Iterator[str]:
    """The paths of all fields below a node of the schema; the values of a map are no fields."""
    for name, below in node.get("properties", {}).items():
        yield f"{path}.{name}"
        yield from of_schema(below, f"{path}.{name}")
    if "items" in node:
        yield from of_schema(node["items"], path)


def of_model(model: type[BaseModel], path: str) -> Iterator[str]:
    """The paths of all fields below a model of ours."""
    schema = model.model_json_schema(by_alias=True)
    definitions = schema.get("$defs", {})

    def inlined(node: Any) -> Any:
        if isinstance(node, list):
            return [inlined(each) for each in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return inlined(definitions[node["$ref"].rpartition("/")[2]])
        if "anyOf" in node:
            return inlined(next(each for each in node["anyOf"] if each != {"type": "null"}))
        return {word: inlined(child) for word, child in node.items() if word != "$defs"}

    # A map with known names (the outcomes) is an object with those properties in the CRD.
    return of_schema(_expand_named_maps(inlined(schema)), path)


def _expand_named_maps(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    names = node.get("propertyNames", {}).get("enum") if isinstance(node.get("propertyNames"), dict) else None
    if names:
        return {"properties": dict.fromkeys(names, node["additionalProperties"])}
    return {word: _expand_named_maps(child) for word, child in node.items()}


def _some(paths: set[str]) -> str:
    shown = sorted(paths)
    return ", ".join(shown[:MAX_FIELDS]) + (f" and {len(shown) - MAX_FIELDS} more" if len(shown) > MAX_FIELDS else "")


TICKETS = "tickets"
OF_THE_AGENT = ("agent_sessions", "agent_log_entries")
"""The agent makes these when it first opens the file; until then only its monitor may have been there."""


def check_agent_db(path: Path) -> Iterator[Finding]:
    """Reads it as the controller does. It is this machine's; the controller must see it too, under `agent.path`."""
    if not path.exists():
        yield warn(
            f"There is no {path}",
            "the agent makes it when it starts; name the file that the controller sees, as agent.path does",
        )
        return
    child = FileReader()
    try:
        counts: dict[str, int | None] = child.ask(FileQuery("counts", str(path.absolute()), datetime.now(UTC)))
    except AgentUnreadable as error:
        yield fail(str(error), "it must be the agent's SQLite file, and you must be able to read it")
        return
    finally:
        child.close()
    listed = ", ".join(f"{count} {table}" for table, count in counts.items() if count is not None)
    if TICKETS not in counts:
        there = ", ".join(counts) or "none at all"
        yield fail(f"{path} has no table {TICKETS} (there are: {there})", "is it the operator.db of an agent?")
    elif missing := [table for table in OF_THE_AGENT if table not in counts]:
        yield warn(f"{path} can be read: {listed}; it has no {' and no '.join(missing)} yet", "has the agent run once?")
    else:
        yield ok(f"{path} can be read: {listed}")


def run_checks(context: str | None, namespace: str | None) -> Iterator[Finding]:
    """Nothing more is looked at where there is no API server that answers."""
    try:
        api = Api.connect(context)
        campaigns = namespace or api.namespace
        yield from check_api_server(api, campaigns)
    except NoApiServer as error:
        yield fail(str(error), "set KUBECONFIG, or choose another --context")
        return
    except Unreachable as error:
        yield fail(str(error), "is the cluster up, and does kubeconfig lead to it?")
        return
    # Generators: none of them has begun to look yet.
    for look in (
        check_definition(api),
        check_controller(api, partial(about_controller, context)),
        permissions.check_namespaces(api, campaigns),
        permissions.check_agent_workloads(api, campaigns),
        permissions.check_agent_permissions(api, campaigns),
    ):
        try:
            yield from look
        except CommandFailed as error:
            yield fail(str(error), "have somebody with more rights run this")


def check_plugins() -> Iterator[Finding]:
    """The subjects that are installed here, and every subject or fault of another package that is not used.

    A campaign's own plug-ins are those beside its controller.
    """
    found = installed()
    yield ok(f"Subjects installed beside this command: {', '.join(found.subjects)}")
    for refused in found.refused:
        yield warn(f"{str(refused)[:1].upper()}{str(refused)[1:]}", f"mend {refused.package}, or uninstall it")
