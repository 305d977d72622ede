"""Never more than a minority of a quorum, unless the campaign says so. Pure."""

from __future__ import annotations

from controller.api import Reason
from controller.status import Refusal
from subjects.protocol import BlastRadius


def exceeds_quorum(chaos: str, radius: BlastRadius, allow_quorum_loss: bool) -> Refusal | None:
    """Why so many members may not be hit at once; None where they may.

    Some combination of them could take a majority of those that vote with each other, and which ones are hit is drawn.
    """
    what = f"{chaos} of {radius.targets} of {radius.members} members"
    if radius.targets > radius.members:
        return Refusal(Reason.INVALID_PARAMS, f"{what}: there are not so many")
    if allow_quorum_loss or radius.targets <= radius.tolerated:
        return None
    why = f"{radius.voters} vote together, " if radius.voters < radius.members else ""
    return Refusal(
        Reason.QUORUM_LOSS,
        f"{what} would take the quorum ({why}at most {radius.tolerated}); "
        "set allowQuorumLoss: true to do it all the same",
    )
