"""The pinned kubectl, as one person with one kubeconfig would use it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """What kubectl said."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Kubectl:
    """`kubectl` with a kubeconfig; `home` holds its caches, so that nobody's own are touched."""

    binary: Path
    kubeconfig: Path
    home: Path

    def run(
        self,
        *args: str | Path,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> Answer:
        """Run it, whatever comes of it; in another environment and folder where a test says so."""
        done = subprocess.run(
            [self.binary, *args],
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
            cwd=folder,
            env=environment or {"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": str(self.kubeconfig)},
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    def __call__(self, *args: str | Path, stdin: str | None = None) -> str:
        """Returns what it prints when it succeeds; AssertionError with its complaint when it does not."""
        answer = self.run(*args, stdin=stdin)
        assert answer.code == 0, f"kubectl {' '.join(map(str, args))}: {answer.err or answer.out}"
        return answer.out

    def refused(self, *args: str | Path, stdin: str | None = None) -> str:
        """Returns what it complains of; AssertionError when it succeeds."""
        answer = self.run(*args, stdin=stdin)
        assert answer.code != 0, f"kubectl {' '.join(map(str, args))} was not refused: {answer.out}"
        return answer.err

    def json(self, *args: str | Path) -> Any:
        """The parsed output of `-o json`."""
        return json.loads(self(*args, "-o", "json"))

    def apply(self, *objects: dict[str, Any]) -> str:
        """`kubectl apply -f -` of these objects."""
        return self("apply", "-f", "-", stdin=_stream(objects))

    def apply_refused(self, *objects: dict[str, Any]) -> str:
        """The complaint about these objects."""
        return self.refused("apply", "-f", "-", stdin=_stream(objects))

    def may(self, user: str, *what: str) -> bool:
        """`kubectl auth can-i WHAT --as USER`."""
        answer = self.run("auth", "can-i", *what, "--as", user)
        said = answer.out.strip().splitlines()[-1:]
        # kubectl answers for a resource that does not exist too; then a typing error in a test would pass for a "no".
        assert said in (["yes"], ["no"]) and "have a resource type" not in answer.err, answer
        return said == ["yes"]


def _stream(objects: tuple[dict[str, Any], ...]) -> str:
    return "\n---\n".join(json.dumps(one) for one in objects)
