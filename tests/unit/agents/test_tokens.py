"""A campaign's token is made once, found again, and never one that anybody could guess."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest

from controller.agents.intake.tokens import TokenRegistry, TokenSecrets
from subjects.cluster import ClusterError

SECRETS = "/api/v1/namespaces/own/secrets"
NAME = f"{SECRETS}/evalcampaign-token-uid-1"


class Api:
    """Keeps Secrets as the API server does. `first` is done before the next POST, as by somebody who is quicker."""

    def __init__(self) -> None:
        self.secrets: dict[Any, Any] = {}
        self.first = None

    async def request(
        self, method: str, path: str, body: dict[str, dict[str, str] | dict[str, Any] | str] | None = None
    ) -> dict[str, Any]:
        if method == "POST":
            if self.first is not None:
                self.secrets[NAME] = self.first
            path = f"{path}/{body['metadata']['name']}"  # type: ignore[index]
            if path in self.secrets:
                raise ClusterError(409, "exists")
            self.secrets[path] = body
            return body
        if path not in self.secrets:
            raise ClusterError(404, "not found")
        return self.secrets.pop(path) if method == "DELETE" else self.secrets[path]


@pytest.fixture
def api() -> Api:
    return Api()


def holding(token: str) -> dict[str, dict[str, str]]:
    return {"data": {"token": b64encode(token.encode()).decode()}}


async def test_it_is_made_once_and_found_again_by_another_process(api: Api) -> None:
    token = await TokenSecrets(api, "own").ensure("uid-1")  # type: ignore[arg-type]
    assert len(token) >= 43 and await TokenSecrets(api, "own").ensure("uid-1") == token  # type: ignore[arg-type]
    assert await TokenSecrets(api, "own").ensure("uid-2") != token  # type: ignore[arg-type]


async def test_of_two_that_make_it_at_once_the_first_is_right(api: Api) -> None:
    api.first = holding("the token of who was quicker")  # type: ignore[assignment]
    assert await TokenSecrets(api, "own").ensure("uid-1") == "the token of who was quicker"  # type: ignore[arg-type]


@pytest.mark.parametrize("spoilt", [holding(""), holding("short"), {}, {"data": None}, {"data": {"token": "%"}}])
async def test_a_secret_without_a_token_lets_nobody_send_and_is_said(api: Api, spoilt: dict[str, Any]) -> None:
    api.secrets[NAME] = spoilt
    with pytest.raises(ClusterError, match="evalcampaign-token-uid-1 holds no token; delete it"):
        await TokenSecrets(api, "own").ensure("uid-1")  # type: ignore[arg-type]


async def test_dropping_it_twice_is_dropping_it_once(api: Api) -> None:
    await TokenSecrets(api, "own").ensure("uid-1")  # type: ignore[arg-type]
    for _ in range(2):
        await TokenSecrets(api, "own").delete("uid-1")  # type: ignore[arg-type]
    assert api.secrets == {}


def test_the_book_knows_whose_a_token_is_until_it_forgets_the_campaign() -> None:
    book = TokenRegistry()
    book.register("a", "uid-1")
    book.register("b", "uid-2")
    assert (book.campaign_of("a"), book.campaign_of("b"), book.campaign_of("")) == ("uid-1", "uid-2", None)
    book.forget("uid-1")
    assert (book.campaign_of("a"), book.campaign_of("b")) == (None, "uid-2")
