"""Checks the records of a prediction request, in words that help its sender."""

from __future__ import annotations

import json
import math
from typing import Any

MAX_RECORDS = 10_000
MAX_BODY_BYTES = 32 * 1024 * 1024


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


def parse_records(body: bytes) -> list[dict[str, Any]]:
    """Return the records of a request body ``{"records": [{…}, …]}``.

    Raises:
        BadRequest: 400 for what is not JSON, 413 for too much of it, 422 for JSON of another shape.
    """
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise BadRequest(400, f"The body is not JSON: {error}") from error
    records = payload.get("records") if isinstance(payload, dict) else None
    if not isinstance(records, list) or not records:
        raise BadRequest(422, 'The body must be {"records": [{…}, …]} with at least one record')
    if len(records) > MAX_RECORDS:
        raise BadRequest(413, f"{len(records)} records are too many: send at most {MAX_RECORDS} at a time")
    for position, record in enumerate(records):
        if not isinstance(record, dict):
            raise BadRequest(422, f"records[{position}] must be an object of feature values")
    return records


def check_values(records: list[dict[str, Any]], features: list[dict[str, str]]) -> list[str]:
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
    warnings = []
    if unknown:
        warnings.append(f"ignored fields that the model does not read: {', '.join(sorted(unknown))}")
    if absent:
        warnings.append(f"treated absent features as missing values: {', '.join(sorted(absent))}")
    return warnings


def _check_value(where: str, value: Any, numeric: bool) -> None:
    if value is None:
        return
    if isinstance(value, (dict, list)):
        raise BadRequest(422, f"{where} must be a single value, not {type(value).__name__}")
    if numeric and not _is_numeric(value):
        raise BadRequest(422, f"{where} must be a number or null, not {value!r}")


def _is_numeric(value: Any) -> bool:
    if isinstance(value, str):
        try:
            return math.isfinite(float(value))
        except ValueError:
            return value in ("", "?")
    return not isinstance(value, float) or math.isfinite(value)
