"""One flat form for two ways of saying the same: the CRD's YAML and the models of `controller/api`.

Each becomes a map from a property's path (`spec.chaos.params[*]`, `status.recent[].trial`) to the words said about it.
Both readers refuse a word they do not know, so that a new kind of constraint is compared rather than overlooked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

CRD_FILE = Path(__file__).parents[3] / "crds" / "evalcampaigns.yaml"

Words = dict[str, Any]
Flat = dict[str, Words]

BOUNDS = (
    "minimum",
    "maximum",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
COMPARED = ("type", "format", "enum", *BOUNDS, "minNameLength", "maxNameLength", "required", "default")
"""Every word that means something to a person who writes a campaign; the two sides must agree on all of them."""

STRUCTURE = ("properties", "additionalProperties", "items")
PROSE = ("description", "title")
CRD_ONLY = ("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-validations")

RULE_AS_PATTERN = re.compile(r"self\.matches\(r?'(?P<pattern>.*)'\)")
RULE_AS_NAME_LENGTH = re.compile(r"self\.all\(name, size\(name\) >= (?P<least>\d+) && size\(name\) <= (?P<most>\d+)\)")


BETWEEN_FIELDS = {
    "self.deadlines.attemptSeconds == 0 || self.deadlines.attemptSeconds > self.observeSeconds",
    "self.mode == 'baseline' || self.agent.source != 'none'",
    "(self.source == 'operatorDb') == (self.path != '')",
    "(self.name == '') == (self.namespace == '')",
    "(self.group == '') == (self.arm == '')",
    "self.minSeconds <= self.maxSeconds",
}
"""Rules that are no matter of one field, which the API server alone minds; like those on what may change later."""


def load_crd() -> dict[str, Any]:
    """The CRD as it is in the repository; a copy that may be changed."""
    return deepcopy(_crd())


@cache
def _crd() -> dict[str, Any]:
    """Parsed once: that takes a fifth of a second."""
    crd: dict[str, Any] = yaml.safe_load(CRD_FILE.read_text(encoding="utf-8"))
    return crd


def schema_of(crd: Mapping[str, Any]) -> dict[str, Any]:
    """The OpenAPI schema of the only version of a CRD."""
    [version] = crd["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def crd_fields(schema: Mapping[str, Any]) -> Flat:
    """What the CRD says of every property below spec and status."""
    root = {name: node for name, node in schema["properties"].items() if name in ("spec", "status")}
    return dict(_walk_properties(root, schema.get("required", []), "", _crd_words))


def model_fields(models: Mapping[str, type[BaseModel]], required: tuple[str, ...]) -> Flat:
    """What the models say, each under the name of its part of the resource (`spec`, `status`)."""
    root = {name: _json_schema(model) for name, model in models.items()}
    flat = dict(_walk_properties(root, required, "", _model_words))
    for path, words in flat.items():
        # The server fills in what was left out of spec. In status, a Python default only says what an absent field
        # means: the controller writes what it means and the API server adds nothing.
        if path.startswith("status") or words.get("default", 0) is None:
            words.pop("default", None)
    return flat


def filled(flat: Flat, path: str) -> Any:
    """The default of a property, with the defaults of everything below it filled in, as the API server does it."""
    default = flat[path].get("default")
    if not isinstance(default, dict):
        return default
    below = {child.removeprefix(f"{path}.") for child in flat if re.fullmatch(re.escape(path) + r"\.\w+", child)}
    return {name: filled(flat, f"{path}.{name}") for name in sorted(below)} | default


def _walk_properties(properties: Any, required: Any, prefix: str, words_of: Any) -> Iterator[tuple[str, Words]]:
    for name, node in properties.items():
        path = f"{prefix}{name}"
        yield path, words_of(node, path) | {"required": name in required}
        yield from _walk_below(node, path, words_of)


def _walk_below(node: Any, path: str, words_of: Any) -> Iterator[tuple[str, Words]]:
    yield from _walk_properties(node.get("properties", {}), node.get("required", []), f"{path}.", words_of)
    for word, mark in (("items", "[]"), ("additionalProperties", "[*]")):
        if word in node:
            yield f"{path}{mark}", words_of(node[word], f"{path}{mark}")
            yield from _walk_below(node[word], f"{path}{mark}", words_of)


def _known(node: Mapping[str, Any], path: str, *also: str) -> Words:
    unknown = set(node) - {*COMPARED, *STRUCTURE, *PROSE, *also}
    if unknown:
        raise AssertionError(f"{path}: {sorted(unknown)} is not compared yet; teach tests/unit/crd/flat.py to read it")
    return {word: node[word] for word in COMPARED if word in node and word != "required"}


def _crd_words(node: Mapping[str, Any], path: str) -> Words:
    words = _known(node, path, *CRD_ONLY, "x-kubernetes-int-or-string")
    if node.get("x-kubernetes-int-or-string"):
        words["type"] = "int-or-string"
    for rule in node.get("x-kubernetes-validations", []):
        # CEL where the schema's own message would quote a regular expression, or where the schema has no word at all.
        if match := RULE_AS_PATTERN.fullmatch(rule["rule"]):
            words["pattern"] = match["pattern"]
        elif match := RULE_AS_NAME_LENGTH.fullmatch(rule["rule"]):
            words |= {"minNameLength": int(match["least"]), "maxNameLength": int(match["most"])}
        elif "oldSelf" not in rule["rule"] and rule["rule"] not in BETWEEN_FIELDS:
            raise AssertionError(f"{path}: the rule {rule['rule']!r} is not compared; teach tests/unit/crd/flat.py")
    return words


def _model_words(node: Mapping[str, Any], path: str) -> Words:
    words = _known(node, path, "propertyNames")
    names = node.get("propertyNames", {})
    bounds = {"minLength": "minNameLength", "maxLength": "maxNameLength"}
    if unknown := set(names) - {*bounds, "type"}:
        raise AssertionError(f"{path}: {sorted(unknown)} of its names is not compared yet")
    return words | {word: names[said] for said, word in bounds.items() if said in names}


class _WithFactories(GenerateJsonSchema):
    """Pydantic's own generator says nothing of a default that a factory makes."""

    def get_default_value(self, schema: core_schema.WithDefaultSchema) -> Any:
        if "default_factory" not in schema:
            return super().get_default_value(schema)
        made = schema["default_factory"]()  # type: ignore[call-arg]  # none of ours takes the validated data
        return made.model_dump(mode="json", by_alias=True) if isinstance(made, BaseModel) else made


def _json_schema(model: type[BaseModel]) -> JsonSchemaValue:
    schema = model.model_json_schema(by_alias=True, schema_generator=_WithFactories)
    inlined: JsonSchemaValue = _plain(schema, schema.get("$defs", {}))
    return inlined


def _plain(node: Any, definitions: Mapping[str, Any]) -> Any:
    """A schema in the CRD's own style: no references, no alternatives, no nulls."""
    if isinstance(node, list):
        return [_plain(item, definitions) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        node = {**definitions[node["$ref"].rpartition("/")[2]], **node}
    node = {word: _plain(said, definitions) for word, said in node.items() if word not in ("$defs", "$ref")}
    if "anyOf" in node:
        node |= _one_of(node.pop("anyOf"))
    if "enum" in (names := node.get("propertyNames", {})):
        # A map with known names is an object with those properties: the CRD can then say what each of them means.
        node["properties"] = dict.fromkeys(names["enum"], node["additionalProperties"])
        del node["propertyNames"], node["additionalProperties"]
    return node


def _one_of(alternatives: list[dict[str, Any]]) -> dict[str, Any]:
    present = [alternative for alternative in alternatives if alternative != {"type": "null"}]
    merged: dict[str, Any] = {word: value for alternative in present for word, value in alternative.items()}
    if len(present) > 1:
        if {alternative["type"] for alternative in present} != {"integer", "string"}:
            raise AssertionError(f"a CRD cannot say {alternatives}")
        merged["type"] = "int-or-string"
    return merged
