"""A name for a campaign that nobody named: short, readable aloud, and hardly ever taken."""

from __future__ import annotations

import re
import secrets

MOST = 63
"""Characters of a campaign's name."""

ADJECTIVES = (
    "amber bold brisk calm clear cool crisp early fair fleet gentle glad golden grand keen kind late light lively "
    "lucky mellow merry mild neat noble plain proud quick quiet rapid ready rosy sharp silent silver sober solid "
    "steady still sunny swift tidy warm wide wise young"
)
NOUNS = (
    "badger bear beaver bison crane crow dove eagle egret falcon finch fox gull hare hawk heron ibis jay kite lark "
    "lion lynx marten mole moose newt orca osprey otter owl panda plover puffin raven robin seal shrew stork swan "
    "tern thrush tiger toad trout vole whale wolf wren"
)


def readable_name(subject: str, chaos: str, most: int = MOST) -> str:
    """Such as `tikv-node-kill-bold-heron`: what it is about first, so that lists sort by it.

    At most `most` characters long.
    """
    ending = f"-{secrets.choice(ADJECTIVES.split())}-{secrets.choice(NOUNS.split())}"
    stem = re.sub(r"[^a-z0-9]+", "-", f"{subject}-{chaos}".lower())[: most - len(ending)].strip("-")
    return f"{stem or 'campaign'}{ending}"
