"""Names about campaigns' tokens that the controller and the command line share. Pure."""

from __future__ import annotations

from hashlib import sha256

from controller.api import GROUP

ANNOTATION = f"{GROUP}/token-request"
"""On a campaign: the digest of a proof, set by somebody who may change the campaign and asks for its token."""


def secret_name(campaign_uid: str) -> str:
    """Returns the name of the Secret, in the controller's namespace, that holds a campaign's token."""
    return f"evalcampaign-token-{campaign_uid}"


def digest_of(proof: str) -> str:
    """Returns the value of the annotation for a proof."""
    return sha256(proof.encode()).hexdigest()


class InvalidProof(Exception):
    """The caller has not proven that it may change the campaign; the text says what is missing."""
