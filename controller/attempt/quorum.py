"""Never more than a minority of a quorum, unless the campaign says so. Pure."""

from __future__ import annotations

from controller.api import Reason
from controller.status import Refusal
from subjects.protocol import Stake


def too_many(chaos: str, stake: Stake, allow_quorum_loss: bool) -> Refusal | None:
    """Why so many members may not be hit at once; None where they may.

    Some combination of them could take a majority of those that vote with each other, and which ones are hit is drawn.
    """
    what = f"{chaos} of {stake.hit} of {stake.members} members"
    if stake.hit > stake.members:
        return Refusal(Reason.INVALID_PARAMS, f"{what}: there are not so many")
    if allow_quorum_loss or stake.hit <= stake.most:
        return None
    why = f"{stake.voters} vote together, " if stake.voters < stake.members else ""
    return Refusal(
        Reason.QUORUM_LOSS,
        f"{what} would take the quorum ({why}at most {stake.most}); set allowQuorumLoss: true to do it all the same",
    )
