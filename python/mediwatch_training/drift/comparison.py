"""Makes two tables that can be compared of a current and a reference window: which columns, and as what."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ..errors import PredictionLogInvalid
from ..names import ABOUT, FEATURE, PREDICTIONS
from ..training.cells import MIN_SHARE
from ..training.kinds import is_row_number
from ..values import date_of
from .log import ORIGIN, as_text

if TYPE_CHECKING:
    import pandas as pd

Role: TypeAlias = Literal["feature", "prediction", "target"]
Kind: TypeAlias = Literal["numeric", "categorical"]

# An outcome with more values than this is a quantity.
_MAX_OUTCOMES = 20
# Of a column with more values than this, such as diagnosis codes, the rarest are one: with a handful of rows each
# they differ between any two windows, so that every such column would have drifted.
_MAX_CATEGORIES = 30
# A test of categories is only good where each is expected this often in both windows (Cochran 1954): a value that
# occurs once makes any two windows differ.
_MIN_EXPECTED = 5
_MISSING = "(missing)"
_OTHER = "(other)"
_KNOWN = "(known)"


@dataclass(frozen=True)
class Choice:
    """Which columns are compared, and as what.

    `columns` are the wanted features, None for all; `drop` are columns that are none; `categories` are numbers that
    are names of something; `label` is the column of the outcome.
    """

    columns: list[str] | None
    drop: list[str]
    categories: list[str]
    label: str


@dataclass
class Side:
    """A window: its rows, and for each column the rows in which it could have a value, as their file has it."""

    frame: pd.DataFrame
    present: dict[str, pd.Series]


@dataclass
class Comparison:
    """Two tables of the same columns: numbers as float64, categories as text without gaps."""

    current: pd.DataFrame
    reference: pd.DataFrame
    kinds: dict[str, Kind] = field(default_factory=dict[str, "Kind"])
    roles: dict[str, Role] = field(default_factory=dict[str, "Role"])

    def names(self, role: Role) -> list[str]:
        """Return the columns of a role."""
        return [name for name in self.current.columns if self.roles[name] == role]


def compare_windows(current: Side, reference: Side, choice: Choice, min_rows: int) -> Comparison:
    """Lay two windows side by side.

    A column takes part if at least `min_rows` rows of both windows could have it: the log of another model may lack
    it. One without a value in either window, or with only one value but for a few rows, is left out: it cannot drift,
    and would thin the share of those that can. Numbers of rows and dates, which move on in any log, take part only if
    they are asked for. One that lost all its values, or gained them, is compared as known against missing.

    Raises:
        PredictionLogInvalid: No feature is left, or a column that is asked for is not there.
    """
    import pandas as pd

    shared = [name for name in current.frame.columns if name in reference.frame]
    for name in choice.columns or []:
        if name not in shared:
            where = "reference" if name in current.frame else "log"
            raise PredictionLogInvalid(f"The {where} has no column {name!r}, which is to be compared", "columns")
    result = Comparison(pd.DataFrame(index=current.frame.index), pd.DataFrame(index=reference.frame.index))
    for name in shared:
        role = _role(name, choice)
        if role is None or min(side.present[name].sum() for side in (current, reference)) < min_rows:
            continue
        both = [side.frame[name] for side in (current, reference)]
        if role == "feature" and choice.columns is None and (_number_rows(name, both) or _are_dates(both)):
            continue
        if role == "target" and min(column.notna().sum() for column in both) < min_rows:
            continue
        if all(column.isna().all() for column in both):
            continue
        kind, prepared = _alike(name, role, both, choice)
        if role == "feature" and choice.columns is None and _is_constant(prepared):
            continue
        result.kinds[name], result.roles[name] = kind, role
        for table, column, side in zip((result.current, result.reference), prepared, (current, reference), strict=True):
            fills = kind == "categorical" and role != "target"
            table[name] = column.where(column.notna() | ~side.present[name], _MISSING) if fills else column
    if not result.names("feature"):
        raise PredictionLogInvalid(
            "No feature can be compared: the columns of the current and of the reference rows do not agree, or no "
            "value in them comes often enough",
            "log",
        )
    return result


def _role(name: str, choice: Choice) -> Role | None:
    if name == choice.label:
        return "target"
    if name in PREDICTIONS:
        return "prediction"
    if choice.columns is not None:
        return "feature" if name in choice.columns else None
    if name in ABOUT or name == ORIGIN or name.removeprefix(FEATURE) in choice.drop:
        return None
    return "feature"


def _number_rows(name: str, both: list[pd.Series]) -> bool:
    """Whether a column numbers the rows in both windows, so that training has left it out as well."""
    return all(is_row_number(name, column) for column in both)


def _are_dates(both: list[pd.Series]) -> bool:
    for column in both:
        texts = column.dropna().unique()
        if column.dtype != object or len(texts) == 0:
            return False
        if sum(date_of(text) is not None for text in texts) < MIN_SHARE * len(texts):
            return False
    return True


def _alike(name: str, role: Role, both: list[pd.Series], choice: Choice) -> tuple[Kind, list[pd.Series]]:
    """Return the kind of a column, the same for both windows, and the two columns of that kind."""
    import pandas as pd

    numeric = all(column.dtype != object or column.isna().all() for column in both)
    named = (
        name.removeprefix(FEATURE) in choice.categories or name == "pred" or (role == "target" and _few_values(both))
    )
    if not numeric or named:
        return "categorical", _with_few_values([as_text(column) for column in both])
    numbers = [pd.to_numeric(column).astype("float64") for column in both]
    if any(column.isna().all() for column in numbers):
        return "categorical", [
            column.map(lambda value: _KNOWN, na_action="ignore").astype(object) for column in numbers
        ]
    return "numeric", numbers


def _with_few_values(both: list[pd.Series]) -> list[pd.Series]:
    """Return text columns whose rare values are one: `_MAX_CATEGORIES` are left, each expected `_MIN_EXPECTED` times.

    Rare values that are too few even together count as the commonest value. Where all are rare, as in free text, the
    column has one value: nothing can be told from it.
    """
    import pandas as pd

    counts = pd.concat(both).value_counts()
    smaller = min(len(column) for column in both) / max(1, sum(len(column) for column in both))
    # Of values that are as frequent the first by name stay, whatever the order of the rows.
    by_frequency = sorted(counts.index, key=lambda value: (-counts[value], value))
    common = [value for value in by_frequency if counts[value] * smaller >= _MIN_EXPECTED]
    if len(common) > _MAX_CATEGORIES or (len(common) == _MAX_CATEGORIES and len(counts) > len(common)):
        common = common[: _MAX_CATEGORIES - 1]
    rare = sum(counts[value] for value in by_frequency if value not in set(common))
    if rare == 0:
        return both
    name = _OTHER if rare * smaller >= _MIN_EXPECTED or not common else common[0]
    return [column.where(column.isin(common) | column.isna(), name) for column in both]


def _is_constant(both: list[pd.Series]) -> bool:
    import pandas as pd

    return pd.concat(both).nunique(dropna=False) <= 1


def _few_values(both: list[pd.Series]) -> bool:
    import pandas as pd

    return pd.concat(both).nunique() <= _MAX_OUTCOMES
