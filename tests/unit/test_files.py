"""Files are replaced whole; what is no file is written to, and stays what it is."""

from __future__ import annotations

import os
from pathlib import Path
from threading import Thread

import pytest

from controller.files import regular, write_text


def test_a_file_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o600)
    write_text(path, "new")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)
    assert os.listdir(tmp_path) == ["report.html"]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    link = tmp_path / "report.html"
    link.symlink_to(tmp_path / "site" / "index.html")
    write_text(link, "text")
    assert link.is_symlink() and (tmp_path / "site" / "index.html").read_text() == "text"


def test_a_pipe_is_written_to_and_stays_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writing = Thread(target=write_text, args=(path, "text"))
    writing.start()
    assert path.read_text() == "text"
    writing.join()
    assert path.is_fifo()


def test_a_device_is_written_to_and_stays_a_device() -> None:
    device = Path("/dev/null")
    write_text(device, "text")
    assert device.is_char_device()


def test_what_cannot_be_written_raises_and_leaves_no_litter(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path, "text")
    with pytest.raises(FileNotFoundError):
        write_text(tmp_path / "missing" / "report.html", "text")
    with pytest.raises(UnicodeEncodeError):
        write_text(tmp_path / "report.html", "\ud83d")
    assert os.listdir(tmp_path) == []


def test_only_a_regular_file_may_be_replaced(tmp_path: Path) -> None:
    assert regular(tmp_path / "new.db") == (tmp_path / "new.db").resolve()
    for other in (Path("/dev/null"), tmp_path):
        with pytest.raises(OSError, match="no regular file"):
            regular(other)
