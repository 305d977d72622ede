"""The same inputs give the same name, different inputs another."""

from pathlib import Path

from cluster import fingerprint


def test_folders_count_by_names_contents_and_whether_files_can_be_run(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    seen = [fingerprint.of(tmp_path)]
    file.write_text("y")
    seen.append(fingerprint.of(tmp_path))
    file.chmod(0o755)
    seen.append(fingerprint.of(tmp_path))
    file.rename(tmp_path / "b")
    seen.append(fingerprint.of(tmp_path))
    assert len(set(seen)) == 4


def test_what_python_leaves_behind_does_not_count(tmp_path: Path) -> None:
    before = fingerprint.of(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "m.pyc").write_text("x")
    assert fingerprint.of(tmp_path) == before


def test_parts_do_not_run_together() -> None:
    assert fingerprint.of("ab", "c") != fingerprint.of("a", "bc")
