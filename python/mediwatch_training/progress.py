"""How a step tells how far it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Progress = Callable[[dict[str, Any]], None]


def ignore_progress(update: dict[str, Any]) -> None:
    """Do nothing with `update`, for callers that do not watch."""
