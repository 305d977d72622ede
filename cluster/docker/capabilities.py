"""Which of the kernel's capabilities this machine may hand on.

Some virtual machines run without CAP_SYS_RESOURCE in their bounding set. `docker run --privileged` asks for all
capabilities, gets one refused, and fails. There our engine gets runtime.py in front of runc.
"""

from pathlib import Path

CAP_SYS_RESOURCE = 24


def bounding_set(status: str) -> int:
    """The CapBnd mask out of the text of /proc/PID/status."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            return int(line.split()[1], 16)
    raise ValueError("no CapBnd line")


def lacks_sys_resource() -> bool:
    """Returns whether this process may not raise its own limits, and so cannot let a container do so."""
    return not bounding_set(Path("/proc/self/status").read_text()) >> CAP_SYS_RESOURCE & 1
