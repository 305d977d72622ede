"""What pydantic finds wrong, in the words of people who write YAML."""

from __future__ import annotations

from pydantic import ValidationError


def in_words(error: ValidationError) -> str:
    """Every complaint, as `field.subfield: what is wrong`, on one line."""
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
