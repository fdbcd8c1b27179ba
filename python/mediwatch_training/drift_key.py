"""The key of a comparison: the same rows compared in the same way have the same one."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from .jsonio import to_json
from .prediction_files import ORIGIN

if TYPE_CHECKING:
    import pandas as pd


def key_of(windows: list[pd.DataFrame], settings: dict[str, Any]) -> str:
    """Return the SHA-256 of the windows' rows and of the settings; nothing of when or where it is made."""
    content = hashlib.sha256(to_json(settings).encode())
    for frame in windows:
        rows = frame.drop(columns=ORIGIN, errors="ignore")
        content.update(rows[sorted(rows.columns)].to_csv(index=False).encode())
    return content.hexdigest()
