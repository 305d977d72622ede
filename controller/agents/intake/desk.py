"""Handing a campaign's token to whoever may change that campaign, and needs no right to read everybody's.

Who asks writes the digest of a secret of his own into an annotation of the campaign, and comes with the secret. That he
could write it is what the API server lets only those do who may patch this campaign; and it asks for no credentials of
his here, of whichever kind they are. The digest tells nobody who reads it anything.
"""

from __future__ import annotations

import re
from hmac import compare_digest

from controller.agents.intake.tokens import TokenSecrets
from controller.api import GROUP, PLURAL, VERSION
from controller.kube import KubeApi
from controller.tokens import ANNOTATION, NotProven, digest_of

FEWEST_CHARACTERS = 32
"""Of the secret: what is shorter could be guessed from its digest."""

MAX_CHARACTERS = 256

NAME = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")
"""What Kubernetes takes for a name: nothing that means something in a selector."""


class TokenDesk:
    """Holds no connection of its own: `api` belongs to whoever made it."""

    def __init__(self, api: KubeApi, secrets: TokenSecrets) -> None:
        self._api = api
        self._secrets = secrets

    async def hand_out(self, namespace: str, name: str, proof: str) -> str:
        """The campaign's token. Raises NotProven; ClusterError 404 where it has none yet; and ClusterUnreachable."""
        if not FEWEST_CHARACTERS <= len(proof) <= MAX_CHARACTERS:
            raise NotProven(f"the secret has {FEWEST_CHARACTERS} to {MAX_CHARACTERS} characters")
        if not NAME.fullmatch(namespace) or not NAME.fullmatch(name):
            raise NotProven("that is no name of a campaign")
        path = f"/apis/{GROUP}/{VERSION}/namespaces/{namespace}/{PLURAL}"
        # The controller may list campaigns, and needs no right to get one.
        listed = await self._api.request("GET", path, query={"fieldSelector": f"metadata.name={name}"})
        for each in listed["items"]:
            meta = each["metadata"]
            stated = str((meta.get("annotations") or {}).get(ANNOTATION, ""))
            if meta["name"] == name and compare_digest(stated.encode(), digest_of(proof).encode()):
                return await self._secrets.read(meta["uid"])
        # The same words, whether or not there is such a campaign.
        raise NotProven(f"the annotation {ANNOTATION} of campaign {namespace}/{name} is not the digest of that secret")
