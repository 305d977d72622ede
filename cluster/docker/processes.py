"""Processes by identity. A pid alone is reused; with its start time and the boot it names one process for ever."""

from pathlib import Path

PROC = Path("/proc")


def identity(pid: int) -> str | None:
    """Boot, pid and start time in clock ticks; None when no such process lives (a zombie does not)."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    state, start = parse_stat(stat)
    if state == "Z":
        return None
    boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{pid}/{start}"


def parse_stat(stat: str) -> tuple[str, str]:
    """State and start time from /proc/PID/stat. The command in it is in brackets and may itself hold any character."""
    fields = stat.rpartition(")")[2].split()
    return fields[0], fields[19]


def pid_of(identity: str) -> int:
    """Returns the process id in an identity."""
    return int(identity.split("/")[1])


def alive(known: str) -> bool:
    """Returns whether that very process still lives."""
    return identity(pid_of(known)) == known


def descendants(pid: int) -> set[int]:
    """All children of a process, and theirs."""
    parents: dict[int, int] = {}
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue
            parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found: set[int] = set()
    fresh = {pid}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def with_argument(word: str) -> set[int]:
    """Processes that were started with exactly this word among their arguments."""
    found = set()
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if word.encode() in words:
                found.add(int(folder.name))
    return found
