"""The page about TiKV names every reason that the oracle gives, and none that it does not."""

import re
from pathlib import Path

from subjects.registry import installed, offered

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "subjects" / "tikv.md").read_text()
TABLE = PAGE.split("| reason | means |")[1].split("\n\n")[0]
PARTS = ("verdict", "pd_view", "redundancy")


def test_every_reason_of_the_oracle_is_explained_and_no_other() -> None:
    sources = [ROOT / "subjects" / "pods.py", *(ROOT / "subjects" / "tikv" / "oracle" / f"{part}.py" for part in PARTS)]
    text = "".join(source.read_text() for source in sources)
    beginnings = "Pod|PD|Store|Peers|Regions|Writes|Service|Cluster|No|Not"
    reasons = set(re.findall(rf'"((?:{beginnings})[A-Z][A-Za-z]+)"', text))
    assert len(reasons) > 25
    assert set(re.findall(r"`([A-Z][A-Za-z]+)`", TABLE)) == reasons


def test_every_chaos_type_and_parameter_is_explained() -> None:
    for name, fault in offered(installed().subjects["tikv"]).items():
        assert f"`{name}`" in PAGE
        for parameter in fault.params.model_json_schema().get("properties", {}):
            assert f"`{parameter}`" in PAGE
