"""Step `monitor`: from a prediction log to a drift report and its drift document."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InvalidInput, make_folder
from ..jsonio import to_json, write_bytes, write_json
from ..names import MODEL, logged_as
from ..training.columns import ID_CATEGORIES, IDENTIFIERS
from .comparison import Choice, Comparison, Side, compare_windows
from .document import SCHEMA, count_drifted
from .log import ORIGIN, Log, read_log
from .windows import Windows, current_start, outcomes_of, reference_start, training_sample

if TYPE_CHECKING:
    import pandas as pd

    from ..contract import (
        ColumnNames,
        DriftDocument,
        DriftDocumentLabels,
        DriftDocumentLeftOut,
        DriftWindow,
        MonitorInput,
        MonitorResult,
    )
    from ..steps import Progress
    from .salvage import Code

HTML_FILE = "evidently_report.html"
JSON_FILE = "evidently_report.json"
DOCUMENT_FILE = "drift.json"
# How many names of files the source of a window lists.
_NAMED_FILES = 5
# How many of the rows that were left out are named, by why.
_NAMED_ROWS = 10


def monitor(input: MonitorInput, progress: Progress) -> MonitorResult:
    """Compare the newest rows of a prediction log with earlier ones, or with the data that a model learned from.

    With fewer than ``minRows`` rows in either window nothing is compared: the document has no columns and there is no
    report. The same rows compared in the same way have the same key.

    Args:
        input: Of ``reference`` "training", the rows are those of ``datasetDir``.
        progress: Called with the stage and the rows.

    Returns:
        The drift document, and the paths of the report or None.

    Raises:
        PredictionLogNotFound: There is no log.
        PredictionLogInvalid: The log cannot be read, or its windows cannot be compared.
        DataNotFound: There is no data set for the reference "training".
        DataInvalid: The data set has no rows to compare with.
        InvalidInput: Fields contradict each other.
    """
    output, min_rows, labels = Path(input["outputDir"]), input["minRows"], input["labels"]
    windows = Windows(input["currentRows"], input["referenceRows"], input["currentHours"], input["referenceHours"])
    dataset_dir = input["datasetDir"] if input["reference"] == "training" else None
    if input["reference"] == "training" and dataset_dir is None:
        raise InvalidInput("datasetDir is required for the reference training", "datasetDir")
    if windows.current_hours is None and min_rows > windows.current_rows:
        raise InvalidInput(f"currentRows ({windows.current_rows}) can never hold minRows ({min_rows})", "currentRows")
    make_folder(output, "outputDir")
    drop = IDENTIFIERS if input["drop"] is None else input["drop"]
    id_categories = ID_CATEGORIES if input["idCategories"] is None else input["idCategories"]

    progress({"stage": "reading"})
    names = _names(input["columnNames"])
    log = read_log(input["log"], windows.rows_needed, windows.hours_needed, names, input["registeredModel"])
    wanted = input["columns"] and [_column(log, name) for name in input["columns"]]
    kinds = input["kinds"]
    drop = [*drop, *(name for name in kinds if kinds[name] == "drop")]
    id_categories = [*id_categories, *(name for name in kinds if kinds[name] == "category")]
    choice = Choice(wanted, drop, id_categories, input["labelColumn"])
    outcomes = None if labels is None else outcomes_of(labels, choice.label, names)
    matched = None if outcomes is None else _add_outcomes(log.frame, outcomes, choice.label)
    times = log.times.to_numpy()
    begin = current_start(times, windows, alone=dataset_dir is not None)
    current = _window(log, slice(begin, len(times)))
    if dataset_dir is None:
        reference = _window(log, slice(reference_start(times, windows, begin), begin))
    else:
        sample = training_sample(dataset_dir, windows.reference_rows, choice.label)
        whole: DriftWindow = {"source": "the training data", "rows": len(sample), "from": None, "to": None}
        reference = sample, whole
    document: DriftDocument = {
        "schema": SCHEMA,
        "key": key_of([current[0], reference[0]], _settings(input, choice)),
        "createdAt": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "tool": "evidently",
        "current": current[1],
        "reference": reference[1],
        "minRows": min_rows,
        "columns": [],
        "driftedColumns": None,
        "share": None,
        "shareThreshold": input["driftShare"],
        "datasetDrift": None,
    }
    if log.left_out:
        document["leftOut"] = _left_out(log)
        document["leftOutShare"] = _left_out_share(log, begin)
    if matched is not None:
        document["labels"] = matched
    rows = {"current": current[1]["rows"], "reference": reference[1]["rows"]}
    progress({"stage": "comparing", **rows, "leftOut": len(log.left_out)})
    html = json = None
    if min(rows.values()) >= min_rows:
        comparison = compare_windows(_side(current[0], log), _side(reference[0], log), choice, min_rows)
        html, json = _report(comparison, document, input, output)
    write_json(output / DOCUMENT_FILE, document)
    return {"document": document, "html": html, "json": json}


def _column(log: Log, feature: str) -> str:
    return logged_as(feature) if logged_as(feature) in log.frame else feature


def _names(names: ColumnNames | None) -> dict[str, str]:
    """Return our names of columns by those of the log."""
    if names is None:
        return {}
    return {
        names["time"]: "ts",
        names["prediction"]: "pred",
        names["probability"]: "prob",
        names["eventId"]: "event_id",
        names["registeredModel"]: MODEL,
        names["modelVersion"]: "model_version",
    }


def _left_out(log: Log) -> list[DriftDocumentLeftOut]:
    """Return how many rows were left out, by why."""
    places: dict[Code, list[str]] = {}
    for row in log.left_out:
        places.setdefault(row.code, []).append(row.at)
    return [{"code": code, "rows": len(at), "at": at[:_NAMED_ROWS]} for code, at in places.items()]


def _left_out_share(log: Log, begin: int) -> float:
    """Return which share of the newest rows was left out: of those where the current window is, and behind it."""
    origins, lines = log.frame[ORIGIN].to_numpy()[begin:], log.lines.to_numpy()[begin:]
    first = {int(number): int(lines[origins == number].min()) for number in set(origins)}
    newest = max(first, default=-1)

    def is_new(place: tuple[int, int]) -> bool:
        number, line = place
        return number > newest or (number in first and line > first[number])

    count = sum(is_new(row.place) for row in log.left_out)
    return count / (count + len(lines)) if count else 0.0


def _settings(input: MonitorInput, choice: Choice) -> dict[str, object]:
    """Return what the comparison depends on beside the rows."""
    return {
        "columns": choice.columns,
        "drop": choice.drop,
        "idCategories": choice.categories,
        "method": input["method"],
        "threshold": input["threshold"],
        "driftShare": input["driftShare"],
        "labelColumn": choice.label,
    }


def _report(comparison: Comparison, document: DriftDocument, input: MonitorInput, output: Path) -> tuple[str, str]:
    """Write Evidently's report, complete the document with what it says, and return the paths of HTML and JSON."""
    from .evidently_report import make_report

    report = make_report(comparison, input["driftShare"], input["method"], input["threshold"])
    count, share = count_drifted(report.findings.columns)
    document["tool"] = f"evidently {report.version}"
    theirs = {ours: name for name, ours in _names(input["columnNames"]).items()}
    for column in report.findings.columns:
        if column["role"] == "prediction":
            column["name"] = theirs.get(column["name"], column["name"])
    document["columns"] = report.findings.columns
    document["driftedColumns"], document["share"] = count, share
    document["datasetDrift"] = None if share is None else share >= input["driftShare"]
    write_bytes(output / HTML_FILE, report.html.encode())
    write_bytes(output / JSON_FILE, report.json.encode())
    return str(output / HTML_FILE), str(output / JSON_FILE)


def _window(log: Log, rows: slice) -> tuple[pd.DataFrame, DriftWindow]:
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


def _add_outcomes(frame: pd.DataFrame, outcomes: pd.Series, column: str) -> DriftDocumentLabels:
    """Put the outcomes that are known by now into the log; what the log itself says stands where they say nothing.

    Returns:
        Of how many rows they say something.
    """
    if "event_id" not in frame:
        return {"known": 0, "rows": len(frame)}
    from .log import as_text

    joined = as_text(frame["event_id"]).map(outcomes)
    frame[column] = joined.where(joined.notna(), frame[column]) if column in frame else joined
    return {"known": int(joined.notna().sum()), "rows": len(frame)}


def key_of(windows: list[pd.DataFrame], settings: dict[str, object]) -> str:
    """Return the SHA-256 of the windows' rows and of the settings; nothing of when or where it is made."""
    content = hashlib.sha256(to_json(settings).encode())
    for frame in windows:
        rows = frame.drop(columns=ORIGIN, errors="ignore")
        content.update(rows[sorted(rows.columns)].to_csv(index=False).encode())
    return content.hexdigest()
