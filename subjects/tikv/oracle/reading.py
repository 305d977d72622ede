"""Answers as values, each read once: verdicts come many times a second, and a list of regions may be long."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, TypeVar

from pydantic import BaseModel

from subjects.cluster import Answer
from subjects.tikv.members.schemas import read

M = TypeVar("M", bound=BaseModel)


class Reader:
    """`wire.read` with a memory of the newest answers."""

    def __init__(self, remembers: int = 4096) -> None:
        self._remembers = remembers
        # The answer is kept beside its value, or another one could come to bear its identity.
        self._known: OrderedDict[tuple[int, type[BaseModel]], tuple[Answer, Any]] = OrderedDict()

    def __call__(self, model: type[M], answer: Answer) -> M | str:
        """The answer as a value, or why it is none."""
        key = id(answer), model
        if key not in self._known:
            self._known[key] = answer, read(model, answer)
            if len(self._known) > self._remembers:
                self._known.popitem(last=False)
        value: M | str = self._known[key][1]
        return value
