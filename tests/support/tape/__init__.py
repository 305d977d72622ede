"""A player for the recordings in `tests/recordings`.

- `recording`, `reading`: the files; `presence`: which member answers when
- `pods`, `stores`, `regions`, `members`: the parts of the picture, put together from polls and full answers
- `pd`, `tikv`: what a member says to a GET; `player`: the tape itself
- `asking`, `transport`, `cluster`: the tape as it runs, under an httpx client and as a subject's `Cluster`
"""

from tests.support.tape.asking import TapeClock
from tests.support.tape.cluster import TapeCluster
from tests.support.tape.pd import Reply
from tests.support.tape.player import Tape
from tests.support.tape.presence import Silence
from tests.support.tape.reading import NAMES, SEQUELS
from tests.support.tape.recording import Write
from tests.support.tape.transport import transport

__all__ = ["NAMES", "SEQUELS", "Reply", "Silence", "Tape", "TapeClock", "TapeCluster", "Write", "transport"]
