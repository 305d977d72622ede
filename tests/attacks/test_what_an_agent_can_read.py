"""An agent reads whatever it is given and may look at: no word there tells that it is being evaluated.

What is gone over is all that is applied to a subject's or an agent's namespace. The exceptions are listed here, and
explained in docs/running.md ("Names") and docs/agents/attaching.md ("What cannot be hidden").
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.deployment import agent
from cluster.deployment.subjects.tikv import standin
from controller.authorization import DEFAULT_KEYS
from controller.cli.run import tokens
from controller.settings import FIELD_MANAGER
from tests.support.intakes import HOSTILE, TICKET, served

REPO = Path(__file__).parents[2]

TELLING = re.compile(
    r"eval|campaign|chaos|inject|(?<!de)fault|trial|experiment|benchmark|\btest[- ]|score|verdict|baseline|"
    r"\bkill|stand-?in|simulat|oracle",
    re.IGNORECASE,
)

FOLDERS = [
    *sorted(path for path in (REPO / "manifests" / "subjects").iterdir() if path.is_dir()),
    *sorted(path for path in (REPO / "examples" / "agent" / "manifests").iterdir() if path.is_dir()),
]

# RBAC knows the controller's account by nothing else.
EXCEPTIONS = {("RoleBinding", "/subjects/0/name"), ("RoleBinding", "/subjects/0/namespace")}


def strings(node: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every key and every text of a document, with where it stands."""
    if isinstance(node, dict):
        for key, below in node.items():
            yield f"{path}/{key}", str(key)
            yield from strings(below, f"{path}/{key}")
    elif isinstance(node, list):
        for place, below in enumerate(node):
            yield from strings(below, f"{path}/{place}")
    elif isinstance(node, str):
        yield path, node


def applied(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Kind, place and text of all that `kubectl apply -k` brings from a folder: comments of YAML do not come along."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    for name in kustomization["resources"]:
        if (folder / name).is_file():
            for document in yaml.safe_load_all((folder / name).read_text()):
                yield from ((document["kind"], place, text) for place, text in strings(document))
    for patch in kustomization.get("patches", ()):
        for operation in yaml.safe_load(patch["patch"]):
            yield from (("patch", operation["path"] + place, text) for place, text in strings(operation["value"]))
    for generated in kustomization.get("configMapGenerator", ()):
        yield "ConfigMap", "/metadata/name", generated["name"]
        for file in generated.get("files", ()):
            # A file comes whole, with its comments.
            yield "ConfigMap", f"/data/{file}", (folder / (file.partition("=")[2] or file)).read_text()


def test_the_sieve_finds_what_gave_it_away_before() -> None:
    for said in (
        "evalcampaign-token",
        "evalcampaign.dev/opt-in",
        "local/tikv-standin",
        "chaos",
        "faultInjection",
    ):
        assert TELLING.search(said), said
    for said in ("default", "RuntimeDefault", "interval", "latest"):
        assert not TELLING.search(said), said


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_nothing_that_is_applied_beside_a_subject_or_an_agent_names_the_evaluation(folder: Path) -> None:
    told = {(kind, place): text for kind, place, text in applied(folder) if TELLING.search(text)}
    assert told.keys() <= EXCEPTIONS, told


def test_the_exceptions_are_the_ones_that_there_are() -> None:
    found = {(kind, place) for folder in FOLDERS for kind, place, text in applied(folder) if TELLING.search(text)}
    assert found == EXCEPTIONS


def test_no_default_name_that_lands_there_tells() -> None:
    names = (
        DEFAULT_KEYS.label,
        DEFAULT_KEYS.annotation,
        FIELD_MANAGER,
        tokens.AGENTS_SECRET,
        tokens.FIELD_MANAGER,  # type: ignore[attr-defined]
        tokens.URL,
        tokens.KEY,
        agent.NAME,
        agent.FORWARD,
        standin.NAME,
    )
    assert [name for name in names if TELLING.search(name)] == []


async def test_what_answers_an_agent_says_what_is_taken_and_not_what_for(tmp_path: Path) -> None:
    async with served(tmp_path) as intake, intake.client(HOSTILE) as client:
        answers = [
            await client.get("/"),
            await client.get("/openapi.json"),
            await client.get("/v1"),
            await client.get("/healthz"),
            await client.put("/v1/tickets/1", json={"nonsense": 1}),
            await client.put("/v1/tickets/1", json=TICKET, headers={"Authorization": "Bearer of nobody"}),
            await client.post("/v1/log", content=b"{" * 5000),
            await client.post("/v1/tickets/1", json=TICKET),
        ]
    assert {answer.status_code for answer in answers} >= {200, 401, 404, 405, 422}
    for answer in answers:
        said = f"{answer.headers} {answer.text}"
        assert not (found := TELLING.search(said.replace("openapi.json", ""))), (answer.url, found)


def test_no_sentence_about_what_is_kept_names_the_evaluation() -> None:
    """Whoever has sent too much is told so, in words that stand in these files."""
    for room in ("agents/intake/limits.py", "records/inbox.py", "records/quota.py"):
        source = (REPO / "controller" / room).read_text()
        for raised in re.findall(r"(?:InboxFull|DiskFull|OverBudget|_Refusal|said =)\(?[^#]*?\n", source):
            texts = re.findall(r'f?"([^"\n]*)"', raised)
            assert [text for text in texts if TELLING.search(text)] == [], room
