"""Shares of counts with their intervals."""

from __future__ import annotations

from typing import Any

# Of the standard normal distribution, for an interval of 95 %.
_Z = 1.959963984540054


def wilson(hits: float, rows: float) -> dict[str, Any]:
    """Return ``{value, low, high}`` of a share by the score interval (Wilson 1927); all None without rows."""
    if rows <= 0:
        return {"value": None, "low": None, "high": None}
    share = hits / rows
    shrunk = 1 + _Z**2 / rows
    middle = (share + _Z**2 / (2 * rows)) / shrunk
    half = _Z / shrunk * (share * (1 - share) / rows + _Z**2 / (4 * rows**2)) ** 0.5
    # At the ends the formula gives the share itself but for rounding.
    return {"value": share, "low": min(max(middle - half, 0.0), share), "high": max(min(middle + half, 1.0), share)}


def observed_to_expected(observed: float, expected: float, rows: int) -> dict[str, Any]:
    """Return ``{value, low, high}`` of observed positives over expected ones; expected ones are taken as certain."""
    if expected <= 0 or rows <= 0:
        return {"value": None, "low": None, "high": None}
    share = wilson(observed, rows)
    return {name: value * rows / expected for name, value in share.items()}
