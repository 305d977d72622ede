"""Are the plug-ins of other packages usable here? A campaign's own are those beside its controller."""

from __future__ import annotations

from collections.abc import Iterator

from controller.cli.checks.finding import Finding, ok, warn
from subjects.registry import installed


def look() -> Iterator[Finding]:
    """The subjects that are installed here, and every subject or fault of another package that is not used."""
    found = installed()
    yield ok(f"Subjects installed beside this command: {', '.join(found.subjects)}")
    for refused in found.refused:
        yield warn(f"{str(refused)[:1].upper()}{str(refused)[1:]}", f"mend {refused.package}, or uninstall it")
