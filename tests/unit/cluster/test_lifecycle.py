"""Making a cluster: what waits for what. The steps themselves are not taken here."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from cluster import health, kind, lifecycle, run, tools
from cluster.docker import engine
from cluster.errors import SetupError
from cluster.node import choice, nodeimage
from cluster.node.choice import Choice
from cluster.progress import Stages

NO_ENGINE, NO_CLUSTER = "no engine", health.Health(None, "there is no cluster yet")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps in the order in which they end, on a machine that has nothing and no registry."""
    taken: list[str] = []

    def step(name: str, answer: object = None) -> Callable[..., object]:
        def take(*args: object, **_: Any) -> object:
            words = [arg for arg in args if isinstance(arg, str)]
            taken.append(" ".join([name, *words]))
            return answer

        return take

    @contextlib.contextmanager
    def lock(_: str) -> Iterator[None]:
        yield

    monkeypatch.setattr(lifecycle, "lock", lock)
    monkeypatch.setattr(engine, "problem", lambda: NO_ENGINE)
    monkeypatch.setattr(engine, "ensure", step("engine", "an engine"))
    monkeypatch.setattr(tools, "missing", lambda _: [])
    monkeypatch.setattr(tools, "ensure", step("build"))
    monkeypatch.setattr(tools, "fetch", step("fetch"))
    monkeypatch.setattr(lifecycle.rootfs, "exists", lambda _: False)  # type: ignore[attr-defined]
    monkeypatch.setattr(choice, "choose", step("choose", Choice("built", "no registry")))
    monkeypatch.setattr(health, "check_node_with_retries", step("look", NO_CLUSTER))
    monkeypatch.setattr(health, "wait_available", step("wait"))
    monkeypatch.setattr(nodeimage, "ensure_root", step("root"))
    monkeypatch.setattr(nodeimage, "ensure", step("assemble", "node:built"))
    monkeypatch.setattr(run, "logged", step("run"))
    monkeypatch.setattr(kind, "create", step("create"))
    return taken


def test_the_root_file_system_and_what_the_caller_wants_are_made_before_the_node_image(steps: list[str]) -> None:
    lifecycle.up(lambda _: steps.append("the caller's"))
    assert {"engine", "choose", "build cluster"} == set(steps[:3])
    assert steps[3] == "look"
    assert {"build all", "fetch all", "root", "the caller's"} == set(steps[4:8])
    assert steps[8:] == ["assemble", "create node:built built", "wait"]


def test_the_registrys_image_is_downloaded_beside_nothing_that_it_does_not_need(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choice, "choose", lambda **_: Choice("registry", "it answers"))
    lifecycle.up()
    assert "build all" not in steps
    assert steps[-3:] == ["run pulling the node image", f"create {choice.REGISTRY_IMAGE} registry", "wait"]


def test_the_compiler_does_not_wait_for_the_engine(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    compiling = threading.Event()

    def compile_(group: str, _: Stages) -> None:
        compiling.set()
        steps.append(f"build {group}")

    def install() -> str:
        # A healthy run ends this wait at once.
        assert compiling.wait(120)
        return "an engine"

    monkeypatch.setattr(tools, "ensure", compile_)
    monkeypatch.setattr(engine, "ensure", install)
    lifecycle.up()
    assert steps[-1] == "wait"


def test_an_engine_that_cannot_be_had_ends_it_before_anything_is_made(
    steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def install() -> str:
        raise SetupError("no Docker engine is installed.")

    monkeypatch.setattr(engine, "ensure", install)
    with pytest.raises(SetupError, match="no Docker engine"):
        lifecycle.up()
    assert set(steps) <= {"build cluster"}


def test_a_healthy_cluster_is_kept(steps: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "problem", lambda: None)
    monkeypatch.setattr(health, "check_node", lambda: health.Health("running", None))
    lifecycle.up(lambda _: steps.append("the caller's"))
    assert steps == ["engine"]
