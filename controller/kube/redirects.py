"""No redirect is followed: with our credentials, one that a member sends through the pod proxy may lead anywhere."""

from __future__ import annotations

import aiohttp


class Redirected(Exception):
    """Instead of going where the answer leads. The text is its HTTP status."""


def refusing_redirects() -> aiohttp.TraceConfig:
    """For a session whose requests are made by others, who do not pass `allow_redirects` on."""

    async def refuse(_: object, __: object, redirect: aiohttp.TraceRequestRedirectParams) -> None:
        redirect.response.close()
        raise Redirected(redirect.response.status)

    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(refuse)
    return config
