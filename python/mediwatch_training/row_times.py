"""The times of logged rows, however they are written."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# A Unix time in seconds stays below this until the year 5138; above, it is one in milliseconds.
_MILLISECONDS_FROM = 1e11
# A row that is further ahead of our clock than time zones and clocks explain has a wrong time (s).
_AHEAD = 86_400


def unix_times(column: pd.Series) -> pd.Series:
    """Return Unix times (s) from Unix times (s or ms) or ISO 8601 text (UTC by default).

    NaN stands for a time that is missing, cannot be read, or is more than a day ahead of this host's clock.
    """
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    times = numbers.where(numbers < _MILLISECONDS_FROM, numbers / 1000)
    dates = column[numbers.isna() & column.notna()]
    if len(dates) > 0:
        parsed = pd.to_datetime(dates, utc=True, errors="coerce", format="ISO8601")
        known = parsed.dropna()
        times.loc[known.index] = (known - pd.Timestamp(0, tz="UTC")) / pd.Timedelta(seconds=1)
    return times.where(times <= time.time() + _AHEAD)
