"""Checks the records of a prediction request, in words that help its sender."""

from __future__ import annotations

import json
import math
import re
import reprlib
from typing import TYPE_CHECKING, cast

from ..checks import is_list, is_object

if TYPE_CHECKING:
    from ..contract import PrepareResultFeature
    from ..shapes import Record

MAX_RECORDS = 10_000
MAX_BODY_BYTES = 32 * 1024 * 1024
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
        raise BadRequest(
            422, f"The body holds half a character, which no text can: {error.object[error.start]!r}"
        ) from error


def check_values(records: list[Record], features: list[PrepareResultFeature]) -> list[str]:
    """Return warnings about fields that the model does not read or does not get.

    Raises:
        BadRequest: 422 for a value of a type that a feature cannot have.
    """
    numeric = {f["name"] for f in features if f["kind"] == "numeric"}
    names = {f["name"] for f in features}
    unknown: set[str] = set()
    absent: set[str] = set()
    for position, record in enumerate(records):
        unknown |= record.keys() - names
        absent |= names - record.keys()
        for name in record.keys() & names:
            _check_value(f"records[{position}].{name}", record[name], name in numeric)
    warnings: list[str] = []
    if unknown:
        warnings.append(f"ignored fields that the model does not read: {', '.join(sorted(unknown))}")
    if absent:
        warnings.append(f"treated absent features as missing values: {', '.join(sorted(absent))}")
    return warnings


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
    if numeric and not _is_numeric(value):
        raise BadRequest(422, f"{where} must be a number or null, not {reprlib.repr(value)}")


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
