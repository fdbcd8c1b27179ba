"""Chooses what is compared: a current window and a reference before it, which never overlap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .errors import PredictionLogInvalid

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Windows:
    """How long the windows are: by number of rows, or by hours where those are given."""

    current_rows: int
    reference_rows: int
    current_hours: float | None = None
    reference_hours: float | None = None

    @property
    def rows_needed(self) -> int:
        """Rows at the end of a log from which the windows can be told: twice the current one, to find its half."""
        return max(2 * self.current_rows, self.current_rows + self.reference_rows)

    @property
    def hours_needed(self) -> float | None:
        """Hours at the end of a log that the windows reach back, as far as they go by hours (hours)."""
        hours = (self.current_hours or 0) + (self.reference_hours or 0)
        return hours or None


def current_start(times: np.ndarray, windows: Windows, alone: bool) -> int:
    """Return where the current window begins; it ends with the newest row.

    Args:
        times: Unix times of all rows in order (s), NaN where there is none.
        windows: How long it is.
        alone: Whether the reference is something else, so that the window need not leave half of the rows to it.
    """
    count = len(times)
    if windows.current_hours is not None and count > 0:
        return _after(times, _newest(times) - windows.current_hours * 3600)
    return count - min(windows.current_rows, count if alone else count // 2)


def reference_start(times: np.ndarray, windows: Windows, end: int) -> int:
    """Return where the reference window begins, given that it ends before the row `end`, the current one's first."""
    if windows.reference_hours is None or end in (0, len(times)):
        return max(0, end - windows.reference_rows)
    until = times[end]
    if windows.current_hours is not None:
        until = _newest(times) - windows.current_hours * 3600
    return min(end, _after(times, until - windows.reference_hours * 3600))


def _newest(times: np.ndarray) -> float:
    import numpy as np

    known = times[~np.isnan(times)]
    if len(known) == 0:
        raise PredictionLogInvalid(
            "Windows by hours need a column ts, and no row of the log has a time that has come", "currentHours"
        )
    return float(known.max())


def _after(times: np.ndarray, moment: float) -> int:
    """Return the first row after the moment; a row without a time is as old as the one before it."""
    import numpy as np

    known = np.where(np.isnan(times), -np.inf, times)
    return int(np.searchsorted(np.maximum.accumulate(known), moment, side="right"))
