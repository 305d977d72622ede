"""The page about etcd names every reason, chaos type and parameter that the code has."""

import re
from pathlib import Path

from subjects.registry import installed, offered

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "subjects" / "etcd.md").read_text()


def test_every_reason_of_the_oracle_is_explained() -> None:
    sources = [ROOT / "subjects" / "pods.py", *(ROOT / "subjects" / "etcd").glob("*.py")]
    text = "".join(source.read_text() for source in sources)
    reasons = set(re.findall(r'"((?:Api|Pods?|Members?|Membership|Leader|No|Write|Workload)[A-Z][A-Za-z]+)"', text))
    assert len(reasons) > 15
    assert {reason for reason in reasons if f"`{reason}`" not in PAGE} == set()


def test_every_chaos_type_and_parameter_is_explained() -> None:
    for name, fault in offered(installed().subjects["etcd"]).items():
        assert f"`{name}`" in PAGE
        for parameter in fault.params.model_json_schema().get("properties", {}):
            assert f"`{parameter}`" in PAGE
