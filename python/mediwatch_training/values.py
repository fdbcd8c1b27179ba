"""What a cell means: the one grammar of the data file, the prediction log and the API's requests.

A column's `kind` and `format` say how its cells are read; both are decided once, from the training data, and go along
with the model. Nothing here needs more than Python itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from .shapes import Value

#: Texts that stand for a value that nobody recorded, in every file and request.
MISSING = ("", "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "nan", "NaN", "NAN", "NaT", "null", "NULL", "None")
#: Whole numbers beyond this have neighbours that are the same float64.
MAX_EXACT = 2.0**53

Kind: TypeAlias = Literal["numeric", "categorical", "date", "boolean", "text"]
Decimal: TypeAlias = Literal[".", ","]

#: How numbers are written: that with a decimal comma is the only one that a number's format names.
DECIMAL_COMMA = "1.234,5"
ISO, DAY_FIRST, MONTH_FIRST = "yyyy-mm-dd", "dd/mm/yyyy", "mm/dd/yyyy"

_MISSING = frozenset(MISSING)
_TRUTHS = {
    **dict.fromkeys(("true", "yes", "y", "t", "on", "1"), True),
    **dict.fromkeys(("false", "no", "n", "f", "off", "0"), False),
}
_BLANKS = " \u00a0\u2009\u202f"
_CURRENCY = r"(?:[$€£¥₹₽₩₺₪₫฿¢]|USD|EUR|GBP|CHF|JPY)"
_AMOUNT = re.compile(
    rf"(?P<sign>[+\-\u2212]?)\s*(?:{_CURRENCY}\s*)?(?P<inner>[+\-\u2212]?)(?P<digits>[0-9.,][0-9.,'\u2019{_BLANKS}]*(?:[eE][+-]?[0-9]+)?)"
    rf"\s*(?:{_CURRENCY}|%)?"
)
_PLAIN = re.compile(r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_GROUPED = {
    ".": re.compile(rf"[0-9]{{1,3}}(?P<by>[,'\u2019{_BLANKS}])[0-9]{{3}}(?:(?P=by)[0-9]{{3}})*(?:\.[0-9]*)?"),
    ",": re.compile(rf"[0-9]{{1,3}}(?P<by>[.'\u2019{_BLANKS}])[0-9]{{3}}(?:(?P=by)[0-9]{{3}})*(?:,[0-9]*)?"),
}
_WITH_COMMA = re.compile(r"(?:[0-9]+,[0-9]*|,[0-9]+)(?:[eE][+-]?[0-9]+)?")
_UNIT = re.compile(r"[+\-\u2212]?[0-9]+(?:[.,][0-9]+)?\s*[^\W\d_][\w/²³°·^-]{0,9}")
# As pandas writes a whole number of a column that has gaps.
_WHOLE = re.compile(r"(-?(?:0|[1-9][0-9]*))\.0")
_TIME = r"(?:(?:T|\s+)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d+)?)?\s*(?P<half>[AaPp][Mm])?)?"
_ZONE = r"\s*(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?"
_DATES = [
    re.compile(rf"{day}{_TIME}{_ZONE}", re.ASCII)
    for day in (
        r"(?P<year>\d{4})(?P<by>[-/.])(?P<month>\d{1,2})(?P=by)(?P<day>\d{1,2})",
        r"(?P<first>\d{1,2})(?P<by>[-/.])(?P<other>\d{1,2})(?P=by)(?P<year>\d{4})",
        r"(?P<first>\d{1,2})(?P<by>/)(?P<other>\d{1,2})/(?P<year>\d\d)",
        r"(?P<day>\d{1,2})[ .-]+(?P<named>[A-Za-z]{3,9})[ .,-]+(?P<year>\d{4})",
        r"(?P<named>[A-Za-z]{3,9})\.? +(?P<day>\d{1,2}),? +(?P<year>\d{4})",
        r"(?P<year>(?:19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)",
    )
]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def is_missing(value: object) -> bool:
    """Whether a cell, or a value of a request, stands for none."""
    if isinstance(value, str):
        return value.strip() in _MISSING
    return value is None or (isinstance(value, float) and math.isnan(value))


def number_of(text: str, decimal: Decimal = ".") -> float | None:
    """Return the number that a text is: plain, with thousands separators, a currency or a percent sign.

    Args:
        text: Without a unit: ``25 mg`` is no number. Parentheses make an amount negative, as in accounts.
        decimal: What is before the fraction. With a comma, a number that can only be meant with a point counts too.

    Returns:
        None for anything else, and for a number that no float64 holds.
    """
    text = text.strip()
    negative = text.startswith("(") and text.endswith(")")
    found = _AMOUNT.fullmatch(text[1:-1] if negative else text)
    if found is None or (found["sign"] and found["inner"]):
        return None
    digits = found["digits"].strip()
    plain = _plain(digits, decimal) or (_plain(digits, ".") if decimal == "," else None)
    if plain is None:
        return None
    number = float(plain)
    if not math.isfinite(number):
        return None
    return -number if negative or (found["sign"] or found["inner"]) in ("-", "\u2212") else number


def _plain(digits: str, decimal: Decimal) -> str | None:
    """Return digits as Python writes them."""
    grouped = _GROUPED[decimal].fullmatch(digits)
    if grouped:
        return digits.replace(grouped["by"], "").replace(",", ".")
    if decimal == ",":
        if _WITH_COMMA.fullmatch(digits):
            return digits.replace(",", ".")
        return digits if digits.isdecimal() and digits.isascii() else None
    return digits if _PLAIN.fullmatch(digits) else None


def decimal_of(texts: Iterable[str]) -> tuple[Decimal | None, bool]:
    """Return what is before the fraction of numbers: what those say that can be read in one way only.

    Returns:
        None where none says it, and whether some could be read in both ways.
    """
    votes = {".": 0, ",": 0}
    either = False
    for text in texts:
        if "," not in text and "." not in text:
            continue
        digits = re.sub(rf"[^0-9.,'\u2019{_BLANKS}]", "", text).strip()
        point, comma = _plain(digits, "."), _plain(digits, ",")
        if point is not None and comma is not None:
            either = True
        elif point is not None or comma is not None:
            votes["." if point is not None else ","] += 1
    if not any(votes.values()):
        return None, either
    return ("," if votes[","] > votes["."] else "."), either and all(votes.values())


def has_unit(text: str) -> bool:
    """Whether a text is a number with a unit, such as ``25 mg``."""
    return _UNIT.fullmatch(text.strip()) is not None


def truth_of(value: object) -> bool | None:
    """Return the truth value that a value is; None if it is none."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _TRUTHS.get(value.strip().lower())
    return bool(value) if isinstance(value, (int, float)) and value in (0, 1) else None


def date_of(text: str, day_first: bool = True) -> datetime | None:
    """Return the date, or the time (UTC where it has no zone), that a text is; None if it is none.

    Args:
        text: ISO 8601, numbers with the year first or last, or English names of months.
        day_first: Whether the day is before the month where the year is last.
    """
    for pattern in _DATES:
        found = pattern.fullmatch(text.strip())
        if found:
            return _moment(found.groupdict(), day_first)
    return None


def _moment(parts: dict[str, str | None], day_first: bool) -> datetime | None:
    if (named := parts.get("named")) is not None:
        known = named[:3].lower() in _MONTHS
        month, day = (_MONTHS.index(named[:3].lower()) + 1 if known else 0), parts["day"]
    elif "first" in parts:
        day, month = (parts["first"], parts["other"]) if day_first else (parts["other"], parts["first"])
    else:
        month, day = parts["month"], parts["day"]
    hour, half = int(parts["hour"] or 0), (parts["half"] or "").lower()
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if 1 <= hour <= 12 else 24
    try:
        time = (hour, int(parts["minute"] or 0), int(parts["second"] or 0))
        year = int(parts["year"] or 0)
        # Of two digits as POSIX has it.
        year += 0 if year > 99 else 2000 if year < 69 else 1900
        moment = datetime(year, int(month or 0), int(day or 0), *time, tzinfo=timezone.utc)
        return moment - _offset(parts["zone"])
    except (ValueError, OverflowError):
        return None


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone in ("Z", "UTC"):
        return timedelta(0)
    minutes = int(zone[1:3]) * 60 + int(zone[-2:])
    return timedelta(minutes=-minutes if zone[0] == "-" else minutes)


def category_of(value: Value) -> str:
    """Return the name of a category, the same for ``428``, ``428.0`` and ``"428"``."""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT:
        return str(int(value))
    text = str(value)
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def iso(moment: datetime) -> str:
    """Return a time as the encoder reads it; midnight is a day."""
    return moment.strftime("%Y-%m-%d") if moment.time() == _MIDNIGHT else moment.strftime("%Y-%m-%dT%H:%M:%S")


_MIDNIGHT = datetime(2000, 1, 1).time()


class Unreadable(ValueError):
    """A value is none of its column."""


def read_value(value: Value, kind: str, form: str | None) -> Value:
    """Return a value as the model takes it: numbers as float, dates as ISO 8601, all else as the training data has it.

    Args:
        value: Of a file, a log or a request.
        kind: A `Kind`; a value of any other is returned as it is.
        form: The format of the column: how its numbers, dates or truth values are written.

    Raises:
        Unreadable: It is no number, or no date.
    """
    if kind in _READ and is_missing(value):
        return None
    return _READ[kind](value, form) if kind in _READ else value


def _read_number(value: Value, form: str | None) -> float:
    decimal: Decimal = "," if form == DECIMAL_COMMA else "."
    number = number_of(value, decimal) if isinstance(value, str) else _finite(value)
    if number is None:
        raise Unreadable
    return number


def _finite(value: Value) -> float | None:
    try:
        number = float(value or 0)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _read_date(value: Value, form: str | None) -> str:
    moment = date_of(value, not (form or "").startswith("mm")) if isinstance(value, str) else None
    if moment is None:
        raise Unreadable
    return iso(moment)


def _read_boolean(value: Value, form: str | None) -> str:
    truth = truth_of(value)
    true, _, false = (form or "True/False").partition("/")
    spelled = {True: true, False: false, None: ""}[truth]
    return spelled or category_of(value)


def _read_category(value: Value, form: str | None) -> Value:
    # A truth value is spelled as the categories that the model has learned spell it, which is known elsewhere.
    return value if isinstance(value, bool) else category_of(value)


_READ = {
    "numeric": _read_number,
    "date": _read_date,
    "boolean": _read_boolean,
    "categorical": _read_category,
    "text": _read_category,
}
