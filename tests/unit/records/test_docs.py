from __future__ import annotations

from pathlib import Path

import pytest

from controller.records.schema import metadata

PAGE = Path(__file__).parents[3] / "docs" / "records.md"


@pytest.mark.parametrize("table", sorted(metadata.tables))
def test_every_table_and_column_is_explained(table: str) -> None:
    _, found, section = PAGE.read_text().partition(f"\n### {table}\n")
    assert found, f"docs/records.md has no section {table}"
    section = section.split("\n##")[0]
    missing = [column.name for column in metadata.tables[table].c if f"`{column.name}`" not in section]
    assert missing == []
