"""What holds for every test."""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Let SIGINT interrupt, also where the tests run in the background of a shell.

    There it is ignored, and every process that a test starts would inherit that and outlive a Ctrl-C.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
