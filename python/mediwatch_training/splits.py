"""Divides rows into train, validation and test, keeping each group in one of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

SPLITS = ("train", "validation", "test")


def split_rows(
    groups: pd.Series | None, rows: int, seed: int, test_fraction: float, validation_fraction: float
) -> tuple[np.ndarray, np.ndarray]:
    """Assign every row to a split.

    A group's split depends on its own name and the seed alone, so that a patient who was in the test split
    stays there when the data grows: an older model is then never scored on patients it was trained on.

    Args:
        groups: The group of each row, length `rows`; None makes every row its own group, and so does a missing
            value. None is also how rows without a group column are split.
        rows: Number of rows.
        seed: Changes the assignment.
        test_fraction: Expected share of the groups in the test split.
        validation_fraction: Expected share of the groups in the validation split.

    Returns:
        Codes into `SPLITS`, shape (rows,), and group numbers, shape (rows,).
    """
    names, numbers = _group_names(groups, rows)
    positions = np.array([_position(seed, name) for name in names])
    codes = np.zeros(len(names), dtype=np.int8)
    codes[positions >= 1 - test_fraction - validation_fraction] = SPLITS.index("validation")
    codes[positions >= 1 - test_fraction] = SPLITS.index("test")
    return codes[numbers], numbers


def _group_names(groups: pd.Series | None, rows: int) -> tuple[list[str], np.ndarray]:
    if groups is None:
        return [f"row {row}" for row in range(rows)], np.arange(rows)
    import pandas as pd

    named = groups.where(groups.notna(), [f"row {row}" for row in range(rows)])
    numbers, names = pd.factorize(named)
    return [str(name) for name in names], numbers


def _position(seed: int, name: str) -> float:
    """Return a number in [0, 1) that is uniform over names."""
    digest = hashlib.blake2b(f"{seed}:{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
