"""Letting a campaign's agent send, and no longer."""

from __future__ import annotations

from controller.agents.intake.tokens import TokenBook, TokenSecrets


class Admission:
    """Keeps the book of tokens and the Secrets in step."""

    def __init__(self, book: TokenBook, secrets: TokenSecrets) -> None:
        self._book = book
        self._secrets = secrets

    async def admit(self, campaign_uid: str) -> None:
        """From now on whoever has the campaign's token may send."""
        self._book.register(await self._secrets.ensure(campaign_uid), campaign_uid)

    async def dismiss(self, campaign_uid: str) -> None:
        """Nobody may send for this campaign any more, and its Secret goes."""
        self._book.forget(campaign_uid)
        await self._secrets.drop(campaign_uid)
