"""Step `monitor`: from a prediction log to a drift report and its drift document."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .columns import ID_CATEGORIES, IDENTIFIERS
from .comparison import Choice, Comparison, Side, compare_windows
from .drift_document import SCHEMA, count_drifted
from .drift_key import key_of
from .errors import InvalidInput
from .fields import Fields
from .jsonio import write_bytes, write_json
from .prediction_files import ORIGIN, Log, read_log
from .progress import Progress
from .reference_data import outcomes_of, training_sample
from .windows import Windows, current_start, reference_start

if TYPE_CHECKING:
    import pandas as pd

_FIELDS = (
    *("log", "minRows", "currentRows", "referenceRows", "currentHours", "referenceHours"),
    *("reference", "datasetDir", "columns", "drop", "idCategories", "method", "threshold", "driftShare"),
    *("labels", "labelColumn", "outputDir"),
)
HTML_FILE = "evidently_report.html"
JSON_FILE = "evidently_report.json"
DOCUMENT_FILE = "drift.json"
# How many names of files the source of a window lists.
_NAMED_FILES = 5


def monitor(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Compare the newest rows of a prediction log with earlier ones, or with the data that a model learned from.

    With fewer than ``minRows`` rows in either window nothing is compared: the document has no columns and there is no
    report. The same rows compared in the same way have the same key.

    Args:
        input: ``log`` (a CSV or Parquet file, a folder or a glob), ``outputDir``, ``minRows`` (50), ``currentRows``
            (1000; at most half of the log), ``referenceRows`` (5000; those before), ``currentHours`` and
            ``referenceHours`` (the windows by time instead), ``reference`` ("log" or "training": rows of
            ``datasetDir``), ``columns`` (features; null: all), ``drop`` (columns that are no features),
            ``idCategories``, ``method`` and ``threshold`` (null: Evidently's own), ``driftShare`` (0.5), ``labels``
            (file with ``event_id`` and the outcome), ``labelColumn`` ("label").
        progress: Told the stage and the rows.

    Returns:
        ``{document, html, json}``: the drift document, and the paths of the report or null.

    Raises:
        PredictionLogNotFound: There is no log.
        PredictionLogInvalid: The log cannot be read, or its windows cannot be compared.
        DataNotFound: There is no data set for the reference "training".
        DataInvalid: The data set has no rows to compare with.
        InvalidInput: A field has the wrong type or range.
    """
    fields = Fields("monitor", input, _FIELDS)
    log_path, output = fields.text("log"), Path(fields.text("outputDir"))
    min_rows = fields.integer("minRows", 50, low=1)
    windows = Windows(
        fields.integer("currentRows", 1000, low=1),
        fields.integer("referenceRows", 5000, low=1),
        fields.positive("currentHours", None),
        fields.positive("referenceHours", None),
    )
    by_training = fields.choice("reference", ("log", "training"), "log") == "training"
    dataset_dir = fields.text("datasetDir") if by_training else None
    settings = {
        "columns": fields.texts("columns", None),
        "drop": fields.texts("drop", IDENTIFIERS),
        "idCategories": fields.texts("idCategories", ID_CATEGORIES),
        "method": fields.text("method", None),
        "threshold": fields.positive("threshold", None),
        "driftShare": fields.positive("driftShare", 0.5),
        "labelColumn": fields.text("labelColumn", "label"),
    }
    labels = fields.text("labels", None)
    if windows.current_hours is None and min_rows > windows.current_rows:
        raise InvalidInput(f"currentRows ({windows.current_rows}) can never hold minRows ({min_rows})", "currentRows")

    progress({"stage": "reading"})
    log = read_log(log_path, windows.rows_needed, windows.hours_needed)
    if labels is not None:
        _add_outcomes(log.frame, outcomes_of(labels, settings["labelColumn"]), settings["labelColumn"])
    times = log.times.to_numpy()
    begin = current_start(times, windows, alone=by_training)
    current = _window(log, slice(begin, len(times)))
    if dataset_dir is None:
        reference = _window(log, slice(reference_start(times, windows, begin), begin))
    else:
        sample = training_sample(dataset_dir, windows.reference_rows, settings["labelColumn"])
        reference = sample, {"source": "the training data", "rows": len(sample), "from": None, "to": None}
    document = {
        "schema": SCHEMA,
        "key": key_of([current[0], reference[0]], settings),
        "createdAt": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "tool": "evidently",
        "current": current[1],
        "reference": reference[1],
        "minRows": min_rows,
        "columns": [],
        "driftedColumns": None,
        "share": None,
        "shareThreshold": settings["driftShare"],
        "datasetDrift": None,
    }
    sizes = {"current": current[1]["rows"], "reference": reference[1]["rows"], "leftOut": log.left_out}
    progress({"stage": "comparing", **sizes})
    html = json = None
    if min(sizes["current"], sizes["reference"]) >= min_rows:
        choice = Choice(settings["columns"], settings["drop"], settings["idCategories"], settings["labelColumn"])
        sides = [_side(frame, log) for frame, _ in (current, reference)]
        comparison = compare_windows(*sides, choice, min_rows)
        html, json = _report(comparison, document, settings, output)
    write_json(output / DOCUMENT_FILE, document)
    return {"document": document, "html": html, "json": json}


def _report(
    comparison: Comparison, document: dict[str, Any], settings: dict[str, Any], output: Path
) -> tuple[str, str]:
    """Write Evidently's report, complete the document with what it says, and return the paths of HTML and JSON."""
    from .evidently_report import make_report

    report = make_report(comparison, settings["driftShare"], settings["method"], settings["threshold"])
    count, share = count_drifted(report.findings.columns)
    document |= {
        "tool": f"evidently {report.version}",
        "columns": report.findings.columns,
        "driftedColumns": count,
        "share": share,
        "datasetDrift": None if share is None else share >= settings["driftShare"],
    }
    write_bytes(output / HTML_FILE, report.html.encode())
    write_bytes(output / JSON_FILE, report.json.encode())
    return str(output / HTML_FILE), str(output / JSON_FILE)


def _window(log: Log, rows: slice) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the rows of a window, and what the document says of it."""
    frame, times = log.frame.iloc[rows], log.times.iloc[rows].dropna()
    names = [log.files[number].name for number in sorted(frame[ORIGIN].unique())]
    more = f" and {len(names) - _NAMED_FILES} more" if len(names) > _NAMED_FILES else ""
    return frame, {
        "source": ", ".join(names[:_NAMED_FILES]) + more or "the prediction log",
        "rows": len(frame),
        "from": None if times.empty else float(times.min()),
        "to": None if times.empty else float(times.max()),
    }


def _side(frame: pd.DataFrame, log: Log) -> Side:
    """Return a window with the rows in which each column could have a value."""
    import pandas as pd

    if ORIGIN not in frame:
        return Side(frame, {name: pd.Series(True, index=frame.index) for name in frame.columns})
    files = {name: [n for n, columns in enumerate(log.columns) if name in columns] for name in frame.columns}
    anywhere = {name for name in frame.columns if not files[name]}
    present = {
        name: pd.Series(True, index=frame.index) if name in anywhere else frame[ORIGIN].isin(files[name])
        for name in frame.columns
    }
    return Side(frame, present)


def _add_outcomes(frame: pd.DataFrame, outcomes: pd.Series, column: str) -> None:
    """Put the outcomes that are known by now into the log; what the log itself says stands where they say nothing."""
    if "event_id" not in frame:
        return
    from .prediction_files import as_text

    joined = as_text(frame["event_id"]).map(outcomes)
    frame[column] = joined.where(joined.notna(), frame[column]) if column in frame else joined
