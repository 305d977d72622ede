"""The stages as a person sees them: one by one, side by side, and as a table at the end."""

import threading
from collections.abc import Iterator

import pytest

from cluster import progress
from cluster.progress import Done, Stages, table


@pytest.fixture(autouse=True)
def done(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Done]]:
    fresh: list[Done] = []
    monkeypatch.setattr(progress, "_done", fresh)
    yield fresh


def test_the_table_is_in_the_order_of_beginnings_with_minutes_and_seconds() -> None:
    stages = [Done("Debian root", 130.0, 48.2), Done("Docker engine", 100.0, 29.6), Done("building", 100.4, 125.4)]
    assert table(stages).splitlines() == [
        "  BEGAN     TOOK  STAGE",
        "   0:00     0:30  Docker engine",
        "   0:00     2:05  building",
        "   0:30     0:48  Debian root",
    ]


def test_the_table_holds_the_stages_of_everyone_in_the_process(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("of the cluster", "of the deployment"):
        with Stages().stage(name):
            pass
    progress._done.append(Done("long", 0.0, 3.0))
    progress.note_times()
    said = capsys.readouterr().err.rpartition("STAGE")[2]
    assert "of the cluster" in said
    assert "of the deployment" in said


def test_a_run_that_had_nothing_to_do_prints_no_table(capsys: pytest.CaptureFixture[str], done: list[Done]) -> None:
    progress.note_times()
    done.append(Done("a look", 0.0, 0.2))
    progress.note_times()
    assert capsys.readouterr().err == ""


def test_a_stage_that_fails_says_so_and_is_counted(capsys: pytest.CaptureFixture[str], done: list[Done]) -> None:
    with pytest.raises(ValueError, match="bad"), Stages(3).stage("breaking"):
        raise ValueError("bad")
    assert capsys.readouterr().err == "[1/3] breaking failed after 0 s\n"
    assert [stage.name for stage in done] == ["breaking"]


def test_stages_side_by_side_have_numbers_of_their_own(capsys: pytest.CaptureFixture[str], done: list[Done]) -> None:
    stages = Stages()
    meeting = threading.Barrier(8, timeout=60)

    def work(name: str) -> None:
        with stages.stage(name):
            meeting.wait()

    threads = [threading.Thread(target=work, args=(f"job {number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    said = capsys.readouterr().err
    assert all(f"[{number}] job" in said for number in range(1, 9))
    assert len(done) == 8


def test_each_of_the_stages_that_run_shows_that_it_lives(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.01)
    monkeypatch.setattr(progress, "TICK_SECONDS", 0.005)
    stages, said = Stages(), ""
    with stages.stage("compiling"), stages.stage("unpacking"):
        while not ("[1] compiling ..." in said and "[2] unpacking ..." in said):
            threading.Event().wait(0.01)
            said += capsys.readouterr().err
