"""`python -m standin pd-server FLAGS` and `python -m standin tikv-server FLAGS`: what the image's executables run."""

import os
import signal
import sys
from importlib import import_module

PROGRAMS = {"pd-server": ".shell.pd_server", "tikv-server": ".shell.tikv_server"}

if __name__ == "__main__":
    # A container's first process has no default for this, and the imports below take a while.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    program, *words = sys.argv[1:] or [""]
    if program not in PROGRAMS:
        sys.exit(f"which program: {' or '.join(PROGRAMS)}?")
    import_module(PROGRAMS[program], __package__).main(words)
