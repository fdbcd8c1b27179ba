"""How numbers and names are written on the page and in its plots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..contract import PrepareResultRemark
    from ..shapes import Task

SCORE_NAMES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "log_loss": "Log loss",
    "brier": "Brier score",
    "f1": "F1 at threshold",
    "accuracy": "Accuracy",
    "balanced_accuracy": "Balanced accuracy",
    "r2": "R²",
    "rmse": "RMSE",
    "mae": "Mean absolute error",
    "median_absolute_error": "Median absolute error",
}
REASONS = {
    "asked": "as the settings ask",
    "group": "the group of the rows",
    "empty": "empty",
    "constant": "one value only",
    "nearlyConstant": "hardly any row differs",
    "rowNumber": "numbers of rows",
    "identifier": "names of rows",
    "tooManyTexts": "more texts than are read",
}
_REMARKS = {
    "encoding": "the file is not UTF-8 and was read as {detail}",
    "separator": "cells are separated by {detail}",
    "lost": "{cells} of its cells, the first one in line {line}, could not be read and count as missing",
    "notNumbers": "{cells} of its cells, the first one in line {line}, are no numbers: it is read as categories",
    "units": "numbers with units, which are read as categories",
    "dayOrMonth": "the day or the month could be first; read with the day first",
    "pointOrComma": "commas and points could be decimal ones or not",
}
# Of several classes these are means over the classes.
_OF_CLASSES = {"auc": "AUC by class", "f1": "F1 by class"}
_DIGITS = {"auc": 3, "average_precision": 3, "f1": 3, "accuracy": 3, "balanced_accuracy": 3, "r2": 3}
# In the unit of the target, which may be of any size.
_IN_UNITS = ("rmse", "mae", "median_absolute_error")
MODEL_NAMES = {"hgb": "histogram gradient boosting", "rf": "random forest"}
UNKNOWN = "\N{EN DASH}"
_MINUS = "\N{MINUS SIGN}"


def number(value: float | None, digits: int) -> str:
    """Return a number with a fixed count of decimals and a real minus sign; a dash for None."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    text = f"{value:,.{digits}f}"
    # What rounds to nothing has no sign.
    return text.lstrip("-") if float(text.replace(",", "")) == 0 else text.replace("-", _MINUS)


def remark(said: PrepareResultRemark) -> str:
    """Return what people should know of how a table was read; the column is named apart."""
    detail = "tabs" if said.get("detail") == "\t" else said.get("detail")
    return _REMARKS[said["code"]].format(detail=detail, cells=said.get("cells"), line=said.get("line"))


def signed(value: float | None, digits: int) -> str:
    """Return a difference with its sign."""
    text = number(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.,") else text


def score_text(name: str, value: float | None) -> str:
    """Return a score: three decimals of what is a share of pairs or records, four of a loss, or four digits."""
    own = name.removeprefix("test_")
    return parameter(value) if own in _IN_UNITS and value is not None else number(value, _DIGITS.get(own, 4))


def percent(value: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return UNKNOWN if value is None else f"{number(value * 100, digits)} %"


def count(value: int | None) -> str:
    """Return a count with separated thousands."""
    return UNKNOWN if value is None else f"{value:,}"


def score_name(name: str, task: Task = "binary") -> str:
    """Return what a score is called; recorded ones of foreign scripts keep their own name."""
    own = name.removeprefix("test_")
    return (_OF_CLASSES.get(own) if task == "multiclass" else None) or SCORE_NAMES.get(own, name)


def parameter(value: object) -> str:
    """Return a parameter's value, a number with four significant digits."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 10_000 else f"{value:,}"
    if isinstance(value, float):
        return _float(value)
    return str(value)


def _float(value: float) -> str:
    if value.is_integer() and abs(value) < 1e15:
        return parameter(int(value))
    text = f"{value:.4g}"
    if "e" not in text:
        return text.replace("-", _MINUS)
    mantissa, exponent = text.split("e")
    return f"{mantissa} \N{MULTIPLICATION SIGN} 10{_superscript(int(exponent))}".replace("-", _MINUS)


def _superscript(value: int) -> str:
    return str(value).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def plural(amount: int, one: str, many: str | None = None) -> str:
    """Return a counted noun: "1 trial", "24 trials"."""
    return f"{count(amount)} {one if amount == 1 else many or one + 's'}"


def listed(names: list[str]) -> str:
    """Return names as a list in a sentence."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def moment(text: str) -> str:
    """Return an ISO time to the minute."""
    return f"{text[:10]} {text[11:16]} UTC" if len(text) > 16 and text.endswith("Z") else text


def is_link(text: object) -> bool:
    """Whether a text is an address that a browser may be sent to."""
    return isinstance(text, str) and text.startswith(("http://", "https://"))
