"""Search spaces: which parameters a search varies, and between which bounds."""

from __future__ import annotations

from typing import Any

from .errors import InvalidInput
from .fields import is_integer, is_number

Space = dict[str, dict[str, Any]]

# The replaced search drew learning rates from 1e-3 with a fixed number of iterations. Here early stopping finds
# that number: on the validation splits of five seeds a rate of 0.03 scored no better than 0.06 and took twice the
# time.
BUNDLED: dict[str, Space] = {
    "hgb": {
        "learning_rate": {"type": "float", "low": 0.05, "high": 0.2, "log": True},
        "max_leaf_nodes": {"type": "int", "low": 8, "high": 40, "log": True},
        "max_depth": {"type": "int", "low": 3, "high": 12},
        "min_samples_leaf": {"type": "int", "low": 20, "high": 400, "log": True},
        "l2_regularization": {"type": "float", "low": 1e-6, "high": 100.0, "log": True},
        # At most this, as the final model averages boosters that differ in the features their splits may choose from.
        "max_features": {"type": "float", "low": 0.3, "high": 0.7},
    },
    "rf": {
        "n_estimators": {"type": "int", "low": 50, "high": 200, "step": 50},
        "max_depth": {"type": "int", "low": 6, "high": 20},
        "min_samples_leaf": {"type": "int", "low": 5, "high": 100, "log": True},
        "max_features": {"type": "float", "low": 0.1, "high": 0.6},
    },
}


def check_space(space: Any) -> Space:
    """Return `space` if every entry of it can be searched.

    Raises:
        InvalidInput: Naming the parameter and what is wrong with it.
    """
    if not isinstance(space, dict) or not space:
        raise InvalidInput("space must be an object with one entry a parameter", "space")
    for name, entry in space.items():
        _check_entry(f"space.{name}", entry)
    return space


def _check_entry(field: str, entry: Any) -> None:
    if not isinstance(entry, dict) or entry.get("type") not in ("float", "int", "categorical"):
        raise InvalidInput(f"{field} must be an object whose type is float, int or categorical", field)
    if entry["type"] == "categorical":
        choices = entry.get("choices")
        if not isinstance(choices, list) or not choices:
            raise InvalidInput(f"{field}.choices must be a list with at least one value", field)
        return
    accepts = is_integer if entry["type"] == "int" else is_number
    low, high, step = entry.get("low"), entry.get("high"), entry.get("step")
    if not accepts(low) or not accepts(high) or low > high:
        raise InvalidInput(f"{field} needs low and high of type {entry['type']}, with low ≤ high", field)
    if entry.get("log") and (low <= 0 or step is not None):
        raise InvalidInput(f"{field}: a logarithmic range needs low > 0 and takes no step", field)
    if step is not None and (not accepts(step) or step <= 0):
        raise InvalidInput(f"{field}.step must be greater than 0", field)
