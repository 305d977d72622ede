"""The emulator's stage, for attacks on the whole controller."""

from tests.emulator.conftest import eager, stage  # noqa: F401
