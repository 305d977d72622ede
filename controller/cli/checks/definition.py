"""Is the CRD there, and is it this version's? Judged by its fields, which is what campaigns meet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from controller.api import GROUP, KIND, PLURAL, VERSION, CampaignSpec, CampaignStatus
from controller.cli.checks.finding import Finding, fail, ok, warn
from controller.cli.cluster.api import Api
from controller.cli.cluster.errors import Refused

APPLY = "kubectl apply -f crds"
SHOWN = 5


def look(api: Api) -> Iterator[Finding]:
    """Every user of a cluster may read what its API offers, so this takes no rights over CRDs."""
    try:
        served = api.get(f"/apis/{GROUP}/{VERSION}")
    except Refused as refused:
        if refused.status != 404:
            raise
        served = {"resources": []}
    if not any(each["name"] == PLURAL for each in served["resources"]):
        yield fail(f"The cluster has no {PLURAL}.{GROUP}", APPLY)
        return
    schemas = api.get(f"/openapi/v3/apis/{GROUP}/{VERSION}")["components"]["schemas"]
    schema = next((each for name, each in schemas.items() if name.endswith(f".{KIND}")), None)
    if schema is None:
        yield warn(f"The CRD {PLURAL}.{GROUP} is there, and the API server does not say which fields it has")
        return
    yield compare(schema["properties"])


def compare(parts: Mapping[str, Any]) -> Finding:
    """The served schema against this version's. Pure."""
    there = {name for part in ("spec", "status") for name in of_schema(parts.get(part, {}), part)}
    ours = {*of_model(CampaignSpec, "spec"), *of_model(CampaignStatus, "status")}
    if missing := ours - there:
        return fail(f"The CRD is older than this command: it lacks {_some(missing)}", APPLY)
    if more := there - ours:
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
        return {word: inlined(said) for word, said in node.items() if word != "$defs"}

    # A map with known names (the outcomes) is an object with those properties in the CRD.
    return of_schema(_named(inlined(schema)), path)


def _named(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    names = node.get("propertyNames", {}).get("enum") if isinstance(node.get("propertyNames"), dict) else None
    if names:
        return {"properties": dict.fromkeys(names, node["additionalProperties"])}
    return {word: _named(said) for word, said in node.items()}


def _some(paths: set[str]) -> str:
    shown = sorted(paths)
    return ", ".join(shown[:SHOWN]) + (f" and {len(shown) - SHOWN} more" if len(shown) > SHOWN else "")
