"""One shape for what a drift report says, whoever wrote it; needs nothing but Python itself.

The shape is ``DriftDocument`` in ``src/contracts/drift.ts``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from .errors import DataNotFound, DriftReportInvalid
from .evidently_shapes import Findings, metric_names, read_legacy, read_snapshot
from .fields import Fields, is_integer, is_number
from .jsonio import to_json
from .progress import Progress

SCHEMA = "mediwatch.drift/1"
_EXPECTED = (
    "expected a drift document of MediWatch, a report of Evidently 0.4 with DatasetDriftMetric or DataDriftTable, "
    "or one of Evidently 0.7 with DriftedColumnsCount or ValueDrift"
)
# How prediction and outcome are called where a report does not say: by Evidently itself, and by the prediction log.
PREDICTIONS = ("prob", "pred", "prediction")
_TARGETS = ("target", "label")


def drift_document(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Turn a report, of Evidently 0.4 or 0.7 or our own, into a drift document.

    Args:
        input: ``report``: the JSON file, or "-" for standard input.
        progress: Not told anything.

    Raises:
        DataNotFound: There is no such file.
        DriftReportInvalid: It is nothing that is known.
    """
    path = Fields("drift-document", input, ("report",)).text("report")
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise DataNotFound(f"The report {path} cannot be read: {error.strerror}", "report") from error
    try:
        return normalise(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise DriftReportInvalid(f"The report is not JSON ({error}): {_EXPECTED}", "report") from error


def normalise(report: Any) -> dict[str, Any]:
    """Return the drift document of a report, which may hold NaN.

    Raises:
        DriftReportInvalid: It is nothing that is known; never read as "no drift".
    """
    if not isinstance(report, dict):
        raise DriftReportInvalid(f"The report is a JSON {type(report).__name__}: {_EXPECTED}", "report")
    if "schema" in report:
        return _checked(report)
    items = report.get("metrics")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        found = ", ".join(list(report)[:10]) or "nothing"
        raise DriftReportInvalid(f"The report has no list of metrics but {found}: {_EXPECTED}", "report")
    if items and all("metric" in item and "result" in item for item in items):
        found = read_legacy(report)
    elif items and all("metric_id" in item or "metric_name" in item for item in items):
        found = read_snapshot(report)
    else:
        found = Findings(tool="")
    if not found.says_something:
        names = ", ".join(metric_names(report)[:20]) or "no metrics"
        raise DriftReportInvalid(f"The report says nothing of drift, it holds {names}: {_EXPECTED}", "report")
    if found.datasets > 1:
        raise DriftReportInvalid(
            f"The report holds {found.datasets} results for the whole data set, which may differ: expected one",
            "report",
        )
    return _document(report, found)


def digest(value: Any) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def count_drifted(columns: list[dict[str, Any]]) -> tuple[int | None, float | None]:
    """Return number and share of the features that drifted; None when it is not known of one, or there are none."""
    features = [column["drifted"] for column in columns if column["role"] == "feature"]
    if not features or None in features:
        return None, None
    return sum(features), sum(features) / len(features)


def _document(report: dict[str, Any], found: Findings) -> dict[str, Any]:
    predictions = (found.prediction,) if found.prediction else PREDICTIONS
    targets = (found.target,) if found.target else _TARGETS
    for column in found.columns:
        if column["name"] in predictions:
            column["role"] = "prediction"
        elif column["name"] in targets:
            column["role"] = "target"
    if found.datasets == 0:
        found.drifted_columns, found.share = count_drifted(found.columns)
    return {
        "schema": SCHEMA,
        "key": digest({name: value for name, value in report.items() if name != "timestamp"}),
        "createdAt": None,
        "tool": found.tool,
        "current": _window(found.current_rows, "the report's current data"),
        "reference": _window(found.reference_rows, "the report's reference data"),
        "minRows": None,
        "columns": found.columns,
        "driftedColumns": found.drifted_columns,
        "share": found.share,
        "shareThreshold": found.share_threshold,
        "datasetDrift": found.dataset_drift,
    }


def _window(rows: int | None, source: str) -> dict[str, Any] | None:
    return None if rows is None else {"source": source, "rows": rows, "from": None, "to": None}


def _checked(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document of our own, field by field as the contract has it."""
    if document["schema"] != SCHEMA:
        raise DriftReportInvalid(
            f"The drift document has the schema {document['schema']!r}: expected {SCHEMA}", "schema"
        )

    def text(value: Any) -> bool:
        return isinstance(value, str) and value != ""

    def window(value: Any) -> bool:
        return isinstance(value, dict) and text(value.get("source")) and is_integer(value.get("rows"))

    def column(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and text(value.get("name"))
            and value.get("role") in ("feature", "prediction", "target")
            and (value.get("method") is None or text(value["method"]))
            and all(value.get(name) is None or is_number(value[name]) for name in ("score", "threshold"))
            and isinstance(value.get("drifted"), (bool, type(None)))
        )

    rules = {
        "key": lambda value: text(value) and len(value) <= 100,
        "tool": text,
        "columns": lambda value: isinstance(value, list) and all(column(item) for item in value),
    }
    optional = {
        "createdAt": text,
        "current": window,
        "reference": window,
        "minRows": is_integer,
        "driftedColumns": is_integer,
        "share": lambda value: is_number(value) and 0 <= value <= 1,
        "shareThreshold": is_number,
        "datasetDrift": lambda value: isinstance(value, bool),
    }
    rules |= {name: lambda value, rule=rule: value is None or rule(value) for name, rule in optional.items()}
    for name, accepts in rules.items():
        if not accepts(document.get(name)):
            shown = to_json(document.get(name))[:100]
            raise DriftReportInvalid(f"The drift document has {name} {shown}, which it cannot have", name)
    whole = {"schema": SCHEMA, **{name: document.get(name) for name in rules}}
    for name in ("current", "reference"):
        if whole[name] is not None:
            whole[name] = {key: whole[name].get(key) for key in ("source", "rows", "from", "to")}
    keys = ("name", "role", "method", "score", "threshold", "drifted")
    whole["columns"] = [{key: item.get(key) for key in keys} for item in whole["columns"]]
    return whole
