"""Checks the records of a prediction request, in words that help its sender."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, cast

from ..checks import is_list, is_object

if TYPE_CHECKING:
    from ..contract import PrepareResultFeature
    from ..shapes import Record

MAX_RECORDS = 10_000
MAX_BODY_BYTES = 32 * 1024 * 1024
# A value is a cell of the log, of whoever sends it. The longest of the real data have 50 characters.
MAX_TEXT = 4096
# Fields of a record beside those that the model reads.
MAX_OTHER_FIELDS = 100
# How many names of fields a warning lists, and how much of each.
_NAMED_FIELDS, _NAME_LENGTH = 20, 80
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
        payload: object = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"The body is not JSON: {error}") from error
    if _HALF_CHARACTER.search(body):
        _check_text(payload)
    records = payload.get("records") if is_object(payload) else None
    if not is_list(records) or not records:
        raise BadRequest(422, 'The body must be {"records": [{…}, …]} with at least one record')
    if len(records) > MAX_RECORDS:
        raise BadRequest(413, f"{len(records)} records are too many: send at most {MAX_RECORDS} at a time")
    for position, record in enumerate(records):
        if not is_object(record):
            raise BadRequest(422, f"records[{position}] must be an object of feature values")
    # Values are checked when it is known what the model reads.
    return cast("list[Record]", records)


def _check_text(payload: object) -> None:
    try:
        json.dumps(payload, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise BadRequest(422, "The body holds half a character, which no text can") from error


def check_values(records: list[Record], features: list[PrepareResultFeature]) -> list[str]:
    """Return warnings about fields that the model does not read or does not get.

    Raises:
        BadRequest: 422 for a value of a type that a feature cannot have, one that is too long, or too many fields.
    """
    numeric = {f["name"] for f in features if f["kind"] == "numeric"}
    names = {f["name"] for f in features}
    unknown: set[str] = set()
    absent: set[str] = set()
    for position, record in enumerate(records):
        if len(record) > len(names) + MAX_OTHER_FIELDS:
            raise BadRequest(422, f"records[{position}] has {len(record)} fields, the model reads {len(names)}")
        unknown |= record.keys() - names
        absent |= names - record.keys()
        for name in record.keys() & names:
            _check_value(f"records[{position}].{name}", record[name], name in numeric)
    warnings: list[str] = []
    if unknown:
        warnings.append(f"ignored fields that the model does not read: {_listed(unknown)}")
    if absent:
        warnings.append(f"treated absent features as missing values: {', '.join(sorted(absent))}")
    return warnings


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


def spell_booleans(records: list[Record], spellings: dict[str, dict[bool, str]]) -> list[Record]:
    """Return the records with JSON's true and false as the training data write them; `records` stay as they are."""
    if not spellings:
        return records
    return [
        {
            name: spellings[name].get(value, value) if isinstance(value, bool) and name in spellings else value
            for name, value in record.items()
        }
        for record in records
    ]


def _check_value(where: str, value: object, numeric: bool) -> None:
    if value is None:
        return
    if isinstance(value, dict | list):
        raise BadRequest(422, f"{where} must be a single value, not {type(value).__name__}")
    # The digits of a number are bounded by Python's reader of JSON.
    if isinstance(value, str) and len(value) > MAX_TEXT:
        raise BadRequest(422, f"{where} is longer than {MAX_TEXT} characters")
    if numeric and not _is_numeric(value):
        raise BadRequest(422, f"{where} must be a number or null, not {_kind(value)}")


def _kind(value: object) -> str:
    return "a text" if isinstance(value, str) else "one that no float64 holds"


def _is_numeric(value: object) -> bool:
    if isinstance(value, str):
        try:
            return math.isfinite(float(value))
        except ValueError:
            return value in ("", "?")
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False
