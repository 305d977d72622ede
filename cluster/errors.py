"""The exceptions of this package: they are shown to a person, never as a traceback."""

from pathlib import Path


class SetupError(Exception):
    """Something failed. Says what in a sentence; with the last lines of output, the log, and what to try."""

    def __init__(self, what: str, *, tail: str = "", log: Path | None = None, hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.tail = tail
        self.log = log
        self.hint = hint

    def __str__(self) -> str:
        parts = [self.what]
        if self.tail:
            parts.append("  " + self.tail.strip().replace("\n", "\n  "))
        if self.log:
            parts.append(f"The whole output: {self.log}")
        if self.hint:
            parts.append(f"What to try: {self.hint}")
        return "\n".join(parts)


class Stopped(SetupError):
    """It did not fail: it was stopped, because something beside it failed or somebody pressed Ctrl-C."""
