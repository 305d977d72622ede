"""What may stand in a line that a person reads on a terminal: nothing that moves, hides or turns round what is there.

Agents, clusters and records are written by others. An escape sequence in a command can draw the rest of the screen
again, a C1 byte begins one too, and a mark for writing from right to left shows `mp.rm` as `rm.pm`. Each becomes one
character that is seen, so that a table stays straight. JSON needs none of this: it is ASCII, and loses nothing.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, TextIO, cast

SEEN = "\N{REPLACEMENT CHARACTER}"

_UNSAFE = re.compile(
    "\r(?!\n)"
    "|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # Cc, but for tab, line feed and a carriage return before one
    "\xad\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u180e"  # Cf, but for those that join letters and emoji
    "\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    "\u2028\u2029"  # Zl, Zp
    "\ud800-\udfff]"  # Cs
)


def printable(text: str) -> str:
    """The text with a replacement character for each one that is not to be printed, by Unicode's categories."""
    return _UNSAFE.sub(SEEN, text)


def one_line(text: str) -> str:
    """The same on one line, for where a second one would look like somebody else's word."""
    return " ".join(printable(text).splitlines())


class PrintableStream:
    """A text stream to which only what is printable is written.

    rich writes its own escapes to `rich_proxied_file`, by rich's own rule; its consoles here filter what they are given
    (`controller.cli.tables`). There is no `buffer`, by which a library could go around.
    """

    def __init__(self, to: TextIO) -> None:
        self._to = to
        self.rich_proxied_file = to

    def write(self, text: str) -> int:
        """Behaves as a text stream."""
        return self._to.write(printable(text))

    def writelines(self, lines: Iterable[str]) -> None:
        """Behaves as a text stream."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        if name == "buffer":
            raise AttributeError(name)
        return getattr(self._to, name)


def unfiltered(stream: TextIO) -> TextIO:
    """The stream itself: for bytes, and for what filters by itself."""
    return getattr(stream, "rich_proxied_file", stream)


@contextmanager
def printing() -> Iterator[None]:
    """Have all that is printed within the block be printable."""
    out, err = (cast(TextIO, PrintableStream(unfiltered(each))) for each in (sys.stdout, sys.stderr))
    with redirect_stdout(out), redirect_stderr(err):
        yield


class PrintableFormatter(logging.Formatter):
    """What another formatter makes of a record; lines after the first are indented, so that none can be forged."""

    def __init__(self, inner: logging.Formatter) -> None:
        super().__init__()
        self._inner = inner

    def format(self, record: logging.LogRecord) -> str:
        """Implements `logging.Formatter`."""
        return printable(self._inner.format(record)).replace("\n", "\n    ")


def log_printably() -> None:
    """Have the log's handlers, as they are set up now, write only what is printable."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(PrintableFormatter(handler.formatter or logging.Formatter()))
