"""docs/reference.md names every field of the CRD, with the type, the default and the bounds that the CRD gives it."""

from __future__ import annotations

import re
from pathlib import Path

from tests.unit.crd.flat import Flat, Words, crd_fields, load_crd, schema_of

REFERENCE = Path(__file__).parents[3] / "docs" / "reference.md"
COLUMNS = {"spec": ["Field", "Type", "Default", "Bounds", "Meaning"], "status": ["Field", "Type", "Bounds", "Meaning"]}


def documented() -> dict[str, dict[str, str]]:
    """The rows of the tables about fields, by the field's path."""
    rows: dict[str, dict[str, str]] = {}
    header: list[str] = []
    for line in REFERENCE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]]
        if not cells:
            header = []
        elif not header:
            header = cells
        elif header[0] == "Field" and (path := re.fullmatch(r"`((?:spec|status)[\w.\[\]]*)`", cells[0])):
            assert path[1] not in rows, f"{path[1]} is documented twice"
            assert header == COLUMNS[path[1].partition(".")[0]], f"the table of {path[1]} has other columns"
            rows[path[1]] = dict(zip(header, cells, strict=True))
    return rows


def fields() -> Flat:
    """What has to be documented: not the parts of a resource themselves, nor what lists and maps hold unnamed."""
    flat = crd_fields(schema_of(load_crd()))
    return {path: words for path, words in flat.items() if "." in path and not path.endswith(("[]", "[*]"))}


def type_of(words: Words) -> str:
    if words.get("format") == "date-time":
        return "time"
    return "list" if words["type"] == "array" else str(words["type"])


def default_of(words: Words) -> str:
    if words["required"]:
        return "required"
    default = words.get("default", "")
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return "" if isinstance(default, dict) or default in ("", []) else f"`{default}`"


def bounds_of(words: Words) -> str:
    """The bounds as a person would say them."""
    if "enum" in words:
        return ", ".join(f"`{value}`" for value in words["enum"])
    unit, least, most = {
        "boolean": ("", None, None),
        "integer": ("", words.get("minimum"), words.get("maximum")),
        "string": (" characters", words.get("minLength"), words.get("maxLength")),
        "array": ("", None, words.get("maxItems")),
        "object": ("", None, words.get("maxProperties")),
    }[words["type"]]
    if least is not None:
        return f"{least} or more{unit}" if most is None else f"{least} to {most}{unit}"
    return "" if most is None else f"at most {most}{unit}"


def test_every_field_of_the_crd_is_documented_and_nothing_else() -> None:
    assert sorted(fields().keys() - documented().keys()) == [], "missing in docs/reference.md"
    assert sorted(documented().keys() - fields().keys()) == [], "docs/reference.md speaks of fields that do not exist"


def test_the_types_defaults_and_bounds_stated_are_those_of_the_crd() -> None:
    wrong, flat = [], fields()
    for path, row in documented().items():
        words = flat[path]
        stated = {"Type": type_of(words), "Bounds": bounds_of(words)}
        if path.startswith("spec"):
            stated["Default"] = default_of(words)
        wrong += [
            f"{path}: {column} is {row[column]!r} and should be {said!r}"
            for column, said in stated.items()
            if row[column] != said
        ]
    assert wrong == []


def test_every_field_has_a_meaning() -> None:
    assert [path for path, row in documented().items() if not row["Meaning"].endswith((".", "?"))] == []


def test_the_page_shows_the_columns_that_kubectl_prints() -> None:
    columns = load_crd()["spec"]["versions"][0]["additionalPrinterColumns"]
    text = REFERENCE.read_text(encoding="utf-8")
    assert [column["name"] for column in columns if f"| {column['name']} |" not in text] == []
