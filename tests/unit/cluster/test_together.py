"""Work side by side: what one failure or Ctrl-C does to the rest."""

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster import run
from cluster.errors import SetupError, Stopped
from cluster.settings import REPO
from cluster.together import together

# Says that it runs, and then would run for ever.
SLEEPER = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(3600)"
DEAF = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); " + SLEEPER


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(run, "LOGS", tmp_path / "logs")
    yield tmp_path
    run.may_go_on()


def wait_for(file: Path) -> None:
    while not file.exists():
        threading.Event().wait(0.01)


def sleep_in(file: Path, program: str = SLEEPER) -> None:
    run.logged([sys.executable, "-c", program, file], "sleeping")


def fail_beside(file: Path) -> None:
    wait_for(file)
    raise SetupError("the compiler failed.", hint="another one.")


def test_all_run_at_once_and_all_have_ended() -> None:
    meeting = threading.Barrier(3, timeout=60)
    met: list[int] = []

    def meet() -> None:
        meeting.wait()
        met.append(1)

    together(meet, meet, meet)
    assert len(met) == 3


@pytest.mark.parametrize("program", [SLEEPER, DEAF], ids=["polite", "deaf to an interrupt"])
def test_a_failure_stops_what_runs_beside_it_and_is_the_error_that_is_shown(
    tmp_path: Path, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cluster.together.TIDY_SECONDS", 0.1)
    with pytest.raises(SetupError, match="the compiler failed") as failure:
        together(lambda: sleep_in(tmp_path / "up", program), lambda: fail_beside(tmp_path / "up"))
    assert not isinstance(failure.value, Stopped)
    assert failure.value.hint == "another one."


def test_nothing_new_begins_after_a_failure_except_tidying_up(tmp_path: Path) -> None:
    begun: list[str] = []

    def two_steps() -> None:
        try:
            sleep_in(tmp_path / "up")
        finally:
            run.logged([sys.executable, "-c", "pass"], "tidying up", stoppable=False)
            begun.append("tidied up")
            run.logged([sys.executable, "-c", "pass"], "the next step")
            begun.append("the next step")

    with pytest.raises(SetupError, match="the compiler failed"):
        together(two_steps, lambda: fail_beside(tmp_path / "up"))
    assert begun == ["tidied up"]


def test_afterwards_commands_run_again(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="the compiler failed"):
        together(lambda: sleep_in(tmp_path / "up"), lambda: fail_beside(tmp_path / "up"))
    run.logged([sys.executable, "-c", "pass"], "the next run")


def test_a_second_failure_is_said_too(capsys: pytest.CaptureFixture[str]) -> None:
    meeting = threading.Barrier(2, timeout=60)

    def fail(what: str) -> None:
        meeting.wait()
        raise SetupError(what)

    with pytest.raises(SetupError) as failure:
        together(lambda: fail("no disk."), lambda: fail("no network."))
    shown = {str(failure.value), capsys.readouterr().err.strip()}
    assert shown == {"no disk.", "no network."}


SCRIPT = """
import sys
from pathlib import Path
from cluster import run
from cluster.progress import Stages
from cluster.together import together

run.LOGS = Path(sys.argv[2])
stages = Stages()

def sleep(name):
    with stages.stage(f"sleeping {name}"):
        run.logged([sys.executable, "-c", sys.argv[1], Path(sys.argv[2]) / name], "sleeping")

try:
    together(lambda: sleep("a"), lambda: sleep("b"))
except KeyboardInterrupt:
    raise SystemExit(130)
"""


def test_ctrl_c_ends_all_and_says_of_each_stage_that_it_was_stopped(tmp_path: Path) -> None:
    # Only this process gets the signal, as with `kill -INT`; from a terminal its children would get it as well.
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, SLEEPER, tmp_path], cwd=REPO, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(tmp_path / "a")
        wait_for(tmp_path / "b")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert process.returncode == 130
    assert "sleeping a stopped after" in said
    assert "sleeping b stopped after" in said
    assert "Traceback" not in said
