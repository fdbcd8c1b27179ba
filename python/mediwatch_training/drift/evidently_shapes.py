"""Reads what the reports of Evidently 0.4 and 0.7 say of drift: two shapes, and two dialects of the second.

Of a method that a report names, it is known which way its score points: p-values fall with drift, distances rise.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, SupportsFloat

from ..checks import is_number, is_object, is_objects

if TYPE_CHECKING:
    from ..contract import DriftColumn

# What Evidently takes when a report is not told another share.
_DEFAULT_SHARE = 0.5
_ID = re.compile(r"^(\w+)(?:\((.*)\))?$", re.DOTALL)


@dataclass
class Findings:
    """What a report says; None: nothing of it."""

    tool: str
    columns: list[DriftColumn] = field(default_factory=list["DriftColumn"])
    drifted_columns: int | None = None
    share: float | None = None
    share_threshold: float | None = None
    dataset_drift: bool | None = None
    current_rows: int | None = None
    reference_rows: int | None = None
    prediction: str | None = None
    target: str | None = None
    #: How many results there are for the whole data set: more than one leaves open which of them counts.
    datasets: int = 0

    @property
    def says_something(self) -> bool:
        """Whether there is anything about drift in it."""
        return self.datasets > 0 or len(self.columns) > 0


def column(name: str, method: str | None, score: object, threshold: object, drifted: bool | None) -> DriftColumn:
    """Return a column of the drift document, as a feature."""
    return {
        "name": name,
        "role": "feature",
        "method": method,
        "score": number_or_none(score),
        "threshold": number_or_none(threshold),
        "drifted": drifted,
    }


def read_legacy(report: dict[str, object]) -> Findings:
    """Read a report of Evidently 0.4: ``{"metrics": [{"metric", "result"}, …]}``."""
    found = Findings(tool=f"evidently {report.get('version') or '0.4'}")
    items = [(str(item["metric"]), item["result"]) for item in metrics_of(report) if is_object(item["result"])]
    for metric, result in items:
        if metric == "DatasetDriftMetric":
            found.datasets += 1
            _take_dataset(found, result, result.get("drift_share"), result.get("dataset_drift"))
        elif metric == "ColumnDriftMetric":
            found.columns.append(_legacy_column(result))
        elif metric == "DatasetSummaryMetric":
            _take_summary(found, result)
    for result in (result for metric, result in items if metric == "DataDriftTable"):
        columns = result.get("drift_by_columns")
        found.columns.extend(
            _legacy_column(one) for one in (columns if is_object(columns) else {}).values() if is_object(one)
        )
        if found.datasets == 0:
            # The table's own flag does not know the share that the report was asked for.
            found.datasets += 1
            _take_dataset(found, result, None, None)
    return found


def _take_dataset(found: Findings, result: dict[str, object], threshold: object, drift: object) -> None:
    count, columns = result.get("number_of_drifted_columns"), result.get("number_of_columns")
    share = number_or_none(result.get("share_of_drifted_columns"))
    found.drifted_columns = int(count) if is_number(count) else None
    if share is None and is_number(count) and is_number(columns) and columns:
        share = count / columns
    found.share = share
    found.share_threshold = float(threshold) if is_number(threshold) else _DEFAULT_SHARE
    if is_number(columns) and columns == 0:
        # Nothing was compared, which the report calls no drift.
        found.drifted_columns = found.share = found.dataset_drift = None
    elif isinstance(drift, bool):
        found.dataset_drift = drift
    else:
        found.dataset_drift = None if share is None else share >= found.share_threshold


def _legacy_column(result: dict[str, object]) -> DriftColumn:
    detected = result.get("drift_detected")
    drifted = detected if isinstance(detected, bool) else None
    method = text_or_none(result.get("stattest_name"))
    score, threshold = result.get("drift_score"), result.get("stattest_threshold")
    return column(str(result.get("column_name")), method, score, threshold, drifted)


def _take_summary(found: Findings, result: dict[str, object]) -> None:
    current, reference = (_object(result.get(name)) for name in ("current", "reference"))
    found.current_rows = _count(current.get("number_of_rows"))
    found.reference_rows = _count(reference.get("number_of_rows"))
    found.prediction = text_or_none(current.get("prediction"))
    found.target = text_or_none(current.get("target"))


def read_snapshot(report: dict[str, object]) -> Findings:
    """Read a report of Evidently 0.7: ``{"metrics": [{"metric_id" or "metric_name", "config"?, "value"}, …]}``."""
    found = Findings(tool="evidently 0.7")
    for item in metrics_of(report):
        metric, parameters = _parameters(item)
        value = item.get("value")
        if metric == "DriftedColumnsCount" and is_object(value):
            found.datasets += 1
            _take_count(found, value, parameters.get("drift_share"))
        elif metric == "ValueDrift" and "column" in parameters:
            method, threshold = text_or_none(parameters.get("method")), number_or_none(parameters.get("threshold"))
            drifted = has_drifted(method, number_or_none(value), threshold)
            found.columns.append(column(str(parameters["column"]), method, value, threshold, drifted))
        elif metric == "RowCount":
            found.current_rows = _count(value)
    return found


def _take_count(found: Findings, value: dict[str, object], threshold: object) -> None:
    found.drifted_columns = _count(value.get("count"))
    found.share = number_or_none(value.get("share"))
    asked = number_or_none(threshold)
    found.share_threshold = _DEFAULT_SHARE if asked is None else asked
    found.dataset_drift = None if found.share is None else found.share >= found.share_threshold


def _parameters(item: dict[str, object]) -> tuple[str, dict[str, object]]:
    """Return a metric's type and its parameters, from its configuration or else from its name."""
    match = _ID.match(str(item.get("metric_name", item.get("metric_id"))))
    if match is None:
        return "", {}
    config = item.get("config")
    if is_object(config):
        return match[1], {name: value for name, value in config.items() if value is not None}
    # Columns may have commas in their names, so a value ends where the next parameter that there is begins.
    pairs = re.findall(
        r"(columns?|drift_share|method|threshold)=(.*?)(?=,(?:drift_share|\w*method|\w*threshold|nbinsx)=|$)",
        match[2] or "",
        re.DOTALL,
    )
    return match[1], dict(pairs)


def metrics_of(report: dict[str, object]) -> list[dict[str, object]]:
    """Return the metrics of a report of either shape."""
    metrics = report.get("metrics")
    return metrics if is_objects(metrics) else []


# What monitors call their reason for a report without metrics.
_NOTES = ("note", "skipped", "skip", "reason", "message")
_LONGEST_NOTE = 500


def note_of(report: dict[str, object]) -> str | None:
    """Return why a report is empty, as one line; None when it does not say."""
    # Without a list of metrics it may be anything, such as the error of a server.
    names = _NOTES if report.get("metrics") == [] else _NOTES[:3]
    texts = [text for name in names if isinstance(text := report.get(name), str) and text.strip()]
    if not texts:
        return None
    line = " ".join(texts[0].split())
    return "".join(character for character in line if character.isprintable())[:_LONGEST_NOTE]


def text_or_none(value: object) -> str | None:
    """Return a text, or None for anything else."""
    return value if isinstance(value, str) else None


def _object(value: object) -> dict[str, object]:
    return value if is_object(value) else {}


def number_or_none(value: object) -> float | None:
    """Return a finite number, also one that is written as text, or None."""
    try:
        number = float(value) if isinstance(value, str | SupportsFloat) and not isinstance(value, bool) else None
    except (TypeError, ValueError, OverflowError):
        return None
    return number if is_number(number) else None


def _count(value: object) -> int | None:
    number = number_or_none(value)
    return None if number is None else int(number)


def metric_names(report: dict[str, object]) -> list[str]:
    """Return the names of the metrics of either shape, each once, to say what a report holds."""
    items = metrics_of(report)
    names = (str(item.get("metric", item.get("metric_name", item.get("metric_id")))) for item in items)
    return list(dict.fromkeys(name.split("(")[0] for name in names))


# Evidently's methods, each by its name and by the title that reports show, and how its own code compares the score
# with the threshold.
_COMPARISONS: dict[Callable[[float, float], bool], tuple[str, ...]] = {
    operator.le: ("ks", "K-S p_value", "cramer_von_mises", "Cramer-von Mises"),
    operator.lt: (
        *("chisquare", "chi-square p_value", "z", "Z-test p_value", "anderson", "Anderson-Darling"),
        *("chisquare_two_samples", "chi-square of two samples p_value"),
        *("es", "Epps-Singleton", "fisher_exact", "Fisher's Exact test", "g_test", "t_test"),
        *("mannw", "Mann-Whitney U-rank test"),
        # Named like distances, but what they give is the p-value of a permutation test.
        *("TVD", "Total-Variation-Distance", "empirical_mmd", "mmd"),
    ),
    operator.ge: (
        *("psi", "wasserstein", "Wasserstein distance (normed)", "jensenshannon", "Jensen-Shannon distance"),
        *("kl_div", "Kullback-Leibler divergence", "hellinger", "Hellinger distance"),
    ),
    operator.gt: (
        *("ed", "Energy-distance", "energy distance", "perc_text_content_drift", "Percentile text content drift"),
        *("abs_text_content_drift", "Absolute text content drift"),
    ),
}
_DRIFTED = {name.lower(): compare for compare, names in _COMPARISONS.items() for name in names}


def has_drifted(method: str | None, score: float | None, threshold: float | None) -> bool | None:
    """Return whether a score is drift; None for a method that is not known, or without a score or threshold."""
    if method is None or score is None or threshold is None or math.isnan(score) or math.isnan(threshold):
        return None
    compare = _DRIFTED.get(method.strip().lower())
    return None if compare is None else compare(score, threshold)
