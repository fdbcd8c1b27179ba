"""Checks the records of a prediction request, in words that help its sender."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from operator import itemgetter
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np

from ..checks import is_list, is_object
from ..values import ISO, MAX_EXACT, Unreadable, read_value
from .coded import Coded, Numbers, same, values_of

if TYPE_CHECKING:
    from ..contract import PrepareResultFeature
    from ..shapes import Columns, Record, Value

MAX_RECORDS = 10_000
MAX_BODY_BYTES = 32 * 1024 * 1024
# A value is a cell of the log, of whoever sends it. The longest of the real data have 50 characters.
MAX_TEXT = 4096
# Fields of a record beside those that the model reads.
MAX_OTHER_FIELDS = 100
# How many names of fields a warning lists, and how much of each.
_NAMED_FIELDS, _NAME_LENGTH = 20, 80
#: Of more records, each value of a feature is read once.
READ_AT_A_TIME = 500
_NUMBERS = frozenset({int, float, type(None)})
_KEPT = frozenset({str, int, float})
# Values of a feature that are kept with what they stand for.
_MOST_KNOWN = 4096
# Escapes of half a character: two together are one that can be written, one alone is not.
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class BadRequest(Exception):
    """A request that cannot be answered.

    Args:
        status: HTTP status.
        message: What is wrong and what was expected.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def parse_records(body: bytes) -> list[Record]:
    """Return the records of a request body ``{"records": [{…}, …]}``.

    Raises:
        BadRequest: 400 for what is not JSON, 413 for too much of it, 422 for JSON of another shape.
    """
    try:
        payload: object = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        payload = _json(body)
    records = payload.get("records") if is_object(payload) else None
    if not is_list(records) or not records:
        raise BadRequest(422, 'The body must be {"records": [{…}, …]} with at least one record')
    if len(records) > MAX_RECORDS:
        raise BadRequest(413, f"{len(records)} records are too many: send at most {MAX_RECORDS} at a time")
    if set(map(type, records)) != {dict}:
        position = [type(record) is dict for record in records].index(False)
        raise BadRequest(422, f"records[{position}] must be an object of feature values")
    # Values are checked when it is known what the model reads.
    return cast("list[Record]", records)


def _json(body: bytes) -> object:
    """Read what a strict parser does not: NaN, numbers without bounds, UTF-16."""
    try:
        payload: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"The body is not JSON: {error}") from error
    if _HALF_CHARACTER.search(body):
        _check_text(payload)
    return payload


def _check_text(payload: object) -> None:
    try:
        json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadRequest(422, "The body holds half a character, which no text can") from error


class RecordReader:
    """Reads the values of records as the model takes them, by the grammar of its training data.

    Args:
        features: Kind and format of what the model reads.
        categories: The values that it has seen in training, of those features that have any.
    """

    def __init__(self, features: list[PrepareResultFeature], categories: dict[str, list[str]]) -> None:
        self._features = {feature["name"]: feature for feature in features}
        self._seen = {name: frozenset(values) for name, values in categories.items()}
        self._spellings = boolean_spellings(categories)
        names = [feature["name"] for feature in features]
        # Of one name it returns the value alone.
        self._get: Callable[[Record], tuple[Value, ...]] = (
            itemgetter(*names) if len(names) > 1 else lambda record: (record[names[0]],)
        )
        #: What values stand for that come again and again, by feature, and those of them that are not of training.
        self._known: dict[str, dict[Value, Value]] = {name: {None: None} for name in names}
        self._unseen: dict[str, set[Value]] = {name: set() for name in names}

    @property
    def names(self) -> Collection[str]:
        """The features that are read."""
        return self._features.keys()

    def read(self, records: list[Record]) -> tuple[Columns, list[str]]:
        """Return the values of each feature, and warnings about fields that the model does not read, get, or know.

        Raises:
            BadRequest: 422 for a value of a type that a feature cannot have, one that is too long, or too many fields.
        """
        names = self._features.keys()
        longest = max(records, key=len)
        if len(longest) > len(names) + MAX_OTHER_FIELDS:
            position = records.index(longest)
            raise BadRequest(422, f"records[{position}] has {len(longest)} fields, the model reads {len(names)}")
        absent: set[str] = set()
        given = self._coded(records, absent) if len(records) > READ_AT_A_TIME else None
        columns = given or dict(zip(names, self._given(records, absent), strict=True))
        unknown: set[str] = set()
        if absent or len(longest) > len(names):
            unknown.update(*(record.keys() - names for record in records))
        return self._read_all(columns, absent, unknown)

    def read_columns(self, given: dict[str, Coded]) -> tuple[Columns, list[str]]:
        """Return what `read` does, of columns of the same length.

        Raises:
            BadRequest: 422 for a value of a type that a feature cannot have, or one that is too long.
        """
        rows = len(next(iter(given.values())))
        absent, unknown = self._features.keys() - given.keys(), given.keys() - self._features.keys()
        columns = {name: given[name] if name in given else same(None, rows) for name in self._features}
        return self._read_all(columns, absent, unknown)

    def _given(self, records: list[Record], absent: set[str]) -> Iterable[Sequence[Value]]:
        """Return the values of each feature as they were sent; adds the names of features that a record has not."""
        try:
            return zip(*map(self._get, records), strict=True)
        except KeyError:
            absent.update(*(self._features.keys() - record.keys() for record in records))
            return [[record.get(name) for record in records] for name in self._features]

    def _coded(self, records: list[Record], absent: set[str]) -> dict[str, Coded] | None:
        """Return what `_given` does, with each value once; None where one is none, or True and 1 would be the same."""
        numbers = [Numbers() for _ in self._features]
        types: list[set[type]] = [set() for _ in numbers]
        codes = np.empty((len(numbers), len(records)), dtype=np.intp)
        # So many at a time that they stay in a core's cache.
        for start in range(0, len(records), READ_AT_A_TIME):
            given = self._given(records[start : start + READ_AT_A_TIME], absent)
            for row, number, kinds, values in zip(codes, numbers, types, given, strict=True):
                try:
                    row[start : start + len(values)] = np.fromiter(map(number.__getitem__, values), dtype=np.intp)
                except TypeError:
                    return None
                if not number.keys().isdisjoint((0, 1)):
                    kinds.update(map(type, values))
        if any(bool in kinds and not kinds.isdisjoint((int, float)) for kinds in types):
            return None
        return {
            name: Coded(list(number), row) for name, number, row in zip(self._features, numbers, codes, strict=True)
        }

    def _read_all(
        self, given: Mapping[str, Sequence[Value] | Coded], absent: set[str], unknown: set[str]
    ) -> tuple[Columns, list[str]]:
        """Return the values of each feature, and warnings, which the names of `unknown` fields are in."""
        unseen: set[str] = set()
        columns: dict[str, list[Value] | Coded] = {}
        for name, column in given.items():
            values = self._column(name, column, absent, unseen)
            columns[name] = Coded(values, column.codes) if isinstance(column, Coded) else values
        warnings: list[str] = []
        if unknown:
            warnings.append(f"ignored fields that the model does not read: {_listed(unknown)}")
        if absent:
            warnings.append(f"treated absent features as missing values: {', '.join(sorted(absent))}")
        if unseen:
            warnings.append(f"treated values that the model has not seen in training as unknown: {_listed(unseen)}")
        return columns, warnings

    def _column(self, name: str, column: Sequence[Value] | Coded, absent: set[str], unseen: set[str]) -> list[Value]:
        """Return what the values of a feature stand for; adds its name if one is missing, or unknown."""
        given = values_of(column)
        known = self._known[name]
        if self._features[name]["kind"] != "numeric":
            # To a dictionary, True is 1.
            with suppress(KeyError, TypeError):
                values = list(map(known.__getitem__, given))
                if not self._unseen[name].isdisjoint(values):
                    unseen.add(name)
                # To a dictionary, True is 1.
                if known.keys().isdisjoint((0, 1)) or bool not in map(type, given):
                    return values
        elif _NUMBERS.issuperset(map(type, given)):
            numbers = _numbers(given)
            if numbers is not None:
                return numbers
        places = column.places() if isinstance(column, Coded) else range(len(column))
        values = [
            known[value] if type(value) in _KEPT and value in known else self._read(place, name, value)
            for place, value in zip(places, given, strict=True)
        ]
        if None in values and values.count(None) > given.count(None):
            absent.add(name)
        if not self._unseen[name].isdisjoint(values):
            unseen.add(name)
        if len(known) > _MOST_KNOWN:
            self._known[name], self._unseen[name] = {None: None}, set()
        return values

    def _read(self, position: int, name: str, value: Value) -> Value:
        read = self._value(f"records[{position}].{name}", value, name)
        if isinstance(read, str):
            if name in self._seen and read not in self._seen[name]:
                self._unseen[name].add(read)
            if type(value) in _KEPT:
                self._known[name][value] = read
        return read

    def _value(self, where: str, value: object, name: str) -> Value:
        if isinstance(value, dict | list):
            raise BadRequest(422, f"{where} must be a single value, not {type(value).__name__}")
        # The digits of a number are bounded by Python's reader of JSON.
        if isinstance(value, str) and len(value) > MAX_TEXT:
            raise BadRequest(422, f"{where} is longer than {MAX_TEXT} characters")
        feature = self._features[name]
        try:
            read = read_value(cast("Value", value), feature["kind"], feature.get("format"))
        except Unreadable as error:
            raise BadRequest(422, f"{where} must be {_expected(feature)} or null, not {_kind(value)}") from error
        if isinstance(read, bool) and name in self._seen:
            return self._spellings.get(name, {}).get(read, str(read))
        return read


def _numbers(given: Sequence[Value]) -> list[Value] | None:
    """Return numbers as float; None where one is infinite, or none."""
    try:
        values = [None if value is None else float(value) for value in given]
    except OverflowError:
        return None
    # One that is infinite, or none, makes the sum so.
    return cast("list[Value]", values) if math.isfinite(sum(filter(None, values))) else None


def _expected(feature: PrepareResultFeature) -> str:
    form = feature.get("format")
    if feature["kind"] == "date":
        return "a date in ISO 8601" if form in (None, ISO) else f"a date in ISO 8601 or as {form}"
    return "a number" if form is None else f"a number, as text written like {form}"


def _listed(names: set[str]) -> str:
    shown = [name if len(name) <= _NAME_LENGTH else f"{name[:_NAME_LENGTH]}…" for name in sorted(names)[:_NAMED_FIELDS]]
    more = f" and {len(names) - len(shown)} more" if len(names) > len(shown) else ""
    return ", ".join(shown) + more


def boolean_spellings(categories: dict[str, list[str]]) -> dict[str, dict[bool, str]]:
    """Return how the categories that a model has learned write true and false, of those features that have any.

    Of several spellings in one feature Python's own comes first.
    """
    spellings: dict[str, dict[bool, str]] = {}
    for name, values in categories.items():
        for truth in (True, False):
            found = [value for value in values if value.lower() == str(truth).lower()]
            if found:
                spellings.setdefault(name, {})[truth] = str(truth) if str(truth) in found else found[0]
    return spellings


def _kind(value: object) -> str:
    if isinstance(value, str):
        return "a text"
    return (
        "a number" if isinstance(value, bool) or abs(cast("float", value)) < MAX_EXACT else "one that no float64 holds"
    )
