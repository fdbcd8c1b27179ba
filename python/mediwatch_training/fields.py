"""Reads and checks the fields of a step's JSON input."""

from __future__ import annotations

import math
from typing import Any

from .errors import InvalidInput

_REQUIRED = object()


class Fields:
    """A step's input, read one typed field at a time.

    Args:
        step: The step's name, for messages.
        values: The JSON object.
        known: Every field the step accepts; any other one is an `InvalidInput`.
    """

    def __init__(self, step: str, values: Any, known: tuple[str, ...]) -> None:
        if not isinstance(values, dict):
            raise InvalidInput(f"{step}: the input must be a JSON object, not {_kind(values)}")
        unknown = sorted(set(values) - set(known))
        if unknown:
            raise InvalidInput(f"{step}: unknown field {unknown[0]!r}; known fields: {', '.join(known)}", unknown[0])
        self._values = values

    def text(self, name: str, default: Any = _REQUIRED) -> str:
        """Return a non-empty string."""
        return self._read(name, default, lambda v: isinstance(v, str) and v.strip() != "", "a non-empty string")

    def integer(self, name: str, default: Any = _REQUIRED, low: int = 0, high: int = 2**32 - 1) -> int:
        """Return an integer in ``[low, high]``."""
        wanted = f"an integer from {low} to {high}"
        value = self._read(name, default, lambda v: is_integer(v) and low <= v <= high, wanted)
        return value if value is None else int(value)

    def fraction(self, name: str, default: Any = _REQUIRED) -> float:
        """Return a number in the open interval (0, 1)."""
        return self._read(name, default, lambda v: is_number(v) and 0 < v < 1, "a number between 0 and 1")

    def positive(self, name: str, default: Any = _REQUIRED) -> float:
        """Return a number above 0."""
        return self._read(name, default, lambda v: is_number(v) and v > 0, "a number above 0")

    def choice(self, name: str, choices: tuple[str, ...], default: Any = _REQUIRED) -> str:
        """Return one of `choices`."""
        return self._read(name, default, lambda v: v in choices, f"one of {', '.join(choices)}")

    def texts(self, name: str, default: Any = _REQUIRED) -> list[str]:
        """Return a list of strings."""
        return self._read(
            name,
            default,
            lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
            "a list of strings",
        )

    def objects(self, name: str, default: Any = _REQUIRED) -> list[dict[str, Any]]:
        """Return a list of JSON objects."""
        return self._read(
            name,
            default,
            lambda v: isinstance(v, list) and all(isinstance(item, dict) for item in v),
            "a list of objects",
        )

    def mapping(self, name: str, default: Any = _REQUIRED) -> dict[str, Any]:
        """Return a JSON object."""
        return self._read(name, default, lambda v: isinstance(v, dict), "an object")

    def _read(self, name: str, default: Any, accepts: Any, wanted: str) -> Any:
        # null means the same as absent only where the default is null or the caller gave one
        value = self._values.get(name)
        if value is None:
            if default is _REQUIRED:
                raise InvalidInput(f"{name} is required: {wanted}", name)
            return default
        if not accepts(value):
            raise InvalidInput(f"{name} must be {wanted}, not {_kind(value)}", name)
        return value


def is_number(value: Any) -> bool:
    """Whether `value` is a finite number (booleans are not)."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number that no float64 holds.
        return False


def is_integer(value: Any) -> bool:
    """Whether `value` is a whole number, also when JSON wrote it as 3.0."""
    return is_number(value) and float(value).is_integer()


def _kind(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}…"
