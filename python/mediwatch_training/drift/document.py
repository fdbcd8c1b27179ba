"""One shape for what a drift report says, whoever wrote it; needs nothing but Python itself.

The shape is ``DriftDocument`` in ``src/contracts/drift.ts``.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from ..checks import Mismatch, conform, is_object, is_objects
from ..errors import DataNotFound, DriftReportInvalid
from ..jsonio import to_json
from ..names import OUTCOMES, PREDICTIONS
from .evidently_shapes import Findings, metric_names, note_of, read_legacy, read_snapshot

if TYPE_CHECKING:
    from ..contract import DriftColumn, DriftDocument, DriftDocumentInput, DriftWindow
    from ..steps import Progress

SCHEMA: Literal["mediwatch.drift/1"] = "mediwatch.drift/1"
_EXPECTED = (
    "expected a drift document of MediWatch, a report of Evidently 0.4 with DatasetDriftMetric or DataDriftTable, "
    "or one of Evidently 0.7 with DriftedColumnsCount or ValueDrift"
)


def drift_document(input: DriftDocumentInput, progress: Progress) -> DriftDocument:
    """Turn a report, of Evidently 0.4 or 0.7 or our own, into a drift document.

    Args:
        input: "-" as the report is standard input.
        progress: Not called.

    Raises:
        DataNotFound: There is no such file.
        DriftReportInvalid: It is nothing that is known.
    """
    path = input["report"]
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise DataNotFound(f"The report {path} cannot be read: {error.strerror}", "report") from error
    try:
        return normalise(json.loads(content))
    except (ValueError, RecursionError) as error:
        raise DriftReportInvalid(f"The report is not JSON ({error}): {_EXPECTED}", "report") from error


def normalise(report: object) -> DriftDocument:
    """Return the drift document of a report, which may hold NaN, or be empty with a note that says why.

    Raises:
        DriftReportInvalid: It is nothing that is known; never read as "no drift".
    """
    if not is_object(report):
        raise DriftReportInvalid(f"The report is a JSON {type(report).__name__}: {_EXPECTED}", "report")
    if "schema" in report:
        return _checked(report)
    items = report.get("metrics")
    note = note_of(report)
    if not items and note is not None:
        return {**_document(report, Findings(tool="a report without metrics")), "note": note}
    if not is_objects(items):
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


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


def count_drifted(columns: list[DriftColumn]) -> tuple[int | None, float | None]:
    """Return number and share of the features that drifted; None when it is not known of one, or there are none."""
    features = [column["drifted"] for column in columns if column["role"] == "feature"]
    drifted = [flag for flag in features if flag is not None]
    if not features or len(drifted) < len(features):
        return None, None
    return sum(drifted), sum(drifted) / len(drifted)


def _document(report: dict[str, object], found: Findings) -> DriftDocument:
    predictions = (found.prediction,) if found.prediction else PREDICTIONS
    targets = (found.target,) if found.target else OUTCOMES
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


def _window(rows: int | None, source: str) -> DriftWindow | None:
    return None if rows is None else {"source": source, "rows": rows, "from": None, "to": None}


def _checked(document: dict[str, object]) -> DriftDocument:
    """Return a document of our own, field by field as the contract has it."""
    if document["schema"] != SCHEMA:
        raise DriftReportInvalid(
            f"The drift document has the schema {document['schema']!r}: expected {SCHEMA}", "schema"
        )
    try:
        return cast("DriftDocument", conform({"$ref": "DriftDocument"}, document))
    except Mismatch as error:
        shown = to_json(document.get(error.field))[:100]
        raise DriftReportInvalid(
            f"The drift document has {error.field} {shown}, which it cannot have: {error}", error.field
        ) from error
