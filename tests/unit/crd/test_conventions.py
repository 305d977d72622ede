"""What the CRD owes to people (`kubectl explain`, columns, sentences) and to the API server (bounds)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controller import api
from controller.authorization import ALLOWED_ANNOTATION, OPT_IN_LABEL
from tests.unit.crd.flat import CRD_FILE, crd_fields, load_crd, schema_of


def every_node(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property below spec and status with its path."""
    for name, node in schema.get("properties", {}).items():
        if path or name in ("spec", "status"):
            yield f"{path}{name}", node
            yield from every_node(node, f"{path}{name}.")
    for word in ("items", "additionalProperties"):
        if word in schema:
            yield f"{path}{word}", schema[word]
            yield from every_node(schema[word], f"{path}{word}.")


def nodes() -> list[tuple[str, dict[str, Any]]]:
    return list(every_node(schema_of(load_crd())))


def test_the_crd_bears_the_names_that_the_controller_uses() -> None:
    spec = load_crd()["spec"]
    assert (spec["group"], spec["versions"][0]["name"]) == (api.GROUP, api.VERSION)
    assert (spec["names"]["kind"], spec["names"]["plural"]) == (api.KIND, api.PLURAL)
    assert load_crd()["metadata"]["name"] == f"{api.PLURAL}.{api.GROUP}"


def test_every_field_is_explained_in_a_sentence() -> None:
    unexplained = [path for path, node in nodes() if not node.get("description", "").rstrip("`").endswith((".", "?"))]
    assert unexplained == []


def test_the_explanation_of_a_number_states_its_default_and_its_bounds() -> None:
    unstated = []
    for path, node in nodes():
        if path.startswith("spec") and node.get("type") == "integer":
            stated = f"{node['description']} "
            default = f"Default {node['default']}" if "default" in node else "without it"
            bounds = f"from {node['minimum']} ", f"to {node['maximum']}"
            if not all(words in stated.replace("From", "from") for words in (default, *bounds)):
                unstated.append(path)
    assert unstated == []


def test_a_number_of_seconds_says_so_in_its_name_and_in_its_explanation() -> None:
    unclear = [path for path, node in nodes() if path.endswith("Seconds") and "in seconds" not in node["description"]]
    assert unclear == []


def test_whoever_reads_about_the_namespace_learns_how_it_consents() -> None:
    explained = dict(nodes())["spec.subject.namespace"]["description"]
    reference = (CRD_FILE.parents[1] / "docs" / "reference.md").read_text(encoding="utf-8")
    for statement in (f'`{OPT_IN_LABEL}: "true"`', f"`{ALLOWED_ANNOTATION}`"):
        assert statement in explained and statement in reference


def test_every_text_list_and_map_is_bounded() -> None:
    bound = {"string": "maxLength", "array": "maxItems"}
    unbounded = [
        path
        for path, node in nodes()
        if (word := bound.get(node.get("type", ""))) and not {word, "enum", "format"} & set(node)
    ]
    unbounded += [path for path, node in nodes() if "additionalProperties" in node and "maxProperties" not in node]
    assert unbounded == []


CONTROLS = {info.alias or name for name, info in api.Controls.model_fields.items()}
"""What may change while a campaign runs."""


def test_every_field_but_the_controls_is_immutable_and_named_when_it_was_changed() -> None:
    spec = schema_of(load_crd())["properties"]["spec"]
    rule = spec["x-kubernetes-validations"][0]
    asked = set(spec["properties"]) - CONTROLS
    assert set(rule["rule"].split(" && ")) == {f"self.{name} == oldSelf.{name}" for name in asked}
    unnamed = [
        name for name in asked if f"self.{name} == oldSelf.{name} ? '' : ' {name}'" not in rule["messageExpression"]
    ]
    assert unnamed == []


def test_the_refusal_that_cannot_name_the_culprits_names_what_may_change() -> None:
    spec = schema_of(load_crd())["properties"]["spec"]
    assert "but for suspend, abort and ttlSecondsAfterFinished:" in spec["x-kubernetes-validations"][0]["message"]
    assert {"suspend", "abort", "ttlSecondsAfterFinished"} == CONTROLS


def test_every_optional_field_that_is_immutable_has_a_default_so_that_none_can_appear_or_vanish_unseen() -> None:
    flat = crd_fields(schema_of(load_crd()))
    absent = [path for path, words in flat.items() if path.startswith("spec.") and words.get("required") is False]
    undefaulted = {path.removeprefix("spec.") for path in absent if "default" not in flat[path]}
    assert undefaulted == {"ttlSecondsAfterFinished"} <= CONTROLS


def test_the_columns_show_what_a_person_asks_first() -> None:
    columns = load_crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    shown = [(column["name"], column.get("priority", 0)) for column in columns]
    always = ["Phase", "Subject", "Chaos", "Mode", "Trials", "Recovered", "To detect", "To resolve"]
    always += ["To recover", "Age"]
    wide = ["Resolved", "False alarms", "Step", "Message"]
    assert shown == [(name, 0) for name in always] + [(name, 1) for name in wide]


def test_every_column_points_at_a_field_that_exists() -> None:
    flat = crd_fields(schema_of(load_crd()))
    columns = load_crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    paths = {column["jsonPath"].removeprefix(".") for column in columns} - {"metadata.creationTimestamp"}
    assert paths - flat.keys() == set()
