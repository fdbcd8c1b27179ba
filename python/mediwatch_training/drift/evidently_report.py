"""Lets Evidently compare two tables; imported only by the step that makes a report, as the library is heavy."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from typing import TypedDict, cast

# Read by Evidently's telemetry when it is imported: a report must make no network call.
os.environ["DO_NOT_TRACK"] = "1"

import pandas as pd
from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from scipy.stats import chi2_contingency

from ..errors import InvalidInput, PredictionLogInvalid, described
from .comparison import Comparison
from .evidently_shapes import Findings, read_snapshot

TWO_SAMPLES = "chisquare_two_samples"
# Evidently takes distances instead of tests for more reference rows than this.
TESTED_ROWS = 1000

_TYPES = {"numeric": "num", "categorical": "cat"}


class _Options(TypedDict, total=False):
    method: str
    threshold: float


@dataclass(frozen=True)
class Report:
    """A report as Evidently writes it, in HTML and JSON, and what it says."""

    html: str
    json: str
    findings: Findings
    version: str


def make_report(comparison: Comparison, drift_share: float, method: str | None, threshold: float | None) -> Report:
    """Compare the tables.

    Args:
        comparison: The two tables; features are counted together, predictions and the target stand alone.
        drift_share: Share of drifted features from which the report calls the data set drifted.
        method: Test or distance by Evidently's name; columns of a kind that it is not for, and all columns if it is
            None, get Evidently's own choice, but for the chi-square test in small windows (see `_two_samples`).
        threshold: Of that method, or of whichever is chosen; None for the method's own.

    Raises:
        InvalidInput: There is no such method.
        PredictionLogInvalid: Evidently cannot compare these rows.
    """
    import evidently
    from evidently import DataDefinition, Dataset
    from evidently import Report as EvidentlyReport
    from evidently.metrics import ValueDrift
    from evidently.presets import DataDriftPreset

    small = len(comparison.reference) <= TESTED_ROWS
    options = {kind: _options(kind, method, threshold) for kind in _TYPES}
    if small and "method" not in options["categorical"]:
        # The threshold of another method, which is not for categories, says nothing of this one.
        options["categorical"] = _options("categorical", TWO_SAMPLES, threshold if method is None else None)
    definition = DataDefinition(
        numerical_columns=[name for name, kind in comparison.kinds.items() if kind == "numeric"],
        categorical_columns=[name for name, kind in comparison.kinds.items() if kind == "categorical"],
    )
    preset = DataDriftPreset(
        columns=comparison.names("feature"),
        drift_share=drift_share,
        num_method=options["numeric"].get("method"),
        num_threshold=options["numeric"].get("threshold"),
        cat_method=options["categorical"].get("method"),
        cat_threshold=options["categorical"].get("threshold"),
    )
    others = [
        ValueDrift(column=name, **options[comparison.kinds[name]])
        for role in ("prediction", "target")
        for name in comparison.names(role)
    ]
    try:
        with warnings.catch_warnings():
            # Columns of one value have no correlation, which NumPy warns of for each of them.
            warnings.simplefilter("ignore")
            snapshot = EvidentlyReport([preset, *others], metadata={}).run(
                current_data=Dataset.from_pandas(comparison.current, data_definition=definition),
                reference_data=Dataset.from_pandas(comparison.reference, data_definition=definition),
            )
            html, text = snapshot.get_html_str(as_iframe=False), snapshot.json()
            findings = read_snapshot(snapshot.dict())
    except Exception as error:
        raise PredictionLogInvalid(f"Evidently cannot compare these rows: {described(error)}") from error
    for column in findings.columns:
        column["role"] = comparison.roles[column["name"]]
    return Report(html, text, findings, evidently.__version__)


def _options(kind: str, method: str | None, threshold: float | None) -> _Options:
    """Return method and threshold for columns of a kind, without those that are not for it."""
    # There is no public list of them.
    from evidently.legacy.calculations.stattests.registry import (
        _registered_stat_tests,  # pyright: ignore[reportPrivateUsage]
    )
    from evidently.legacy.core import ColumnType

    if method is None:
        return {} if threshold is None else {"threshold": threshold}
    known = _registered_stat_tests.get(method)
    if known is None:
        raise InvalidInput(
            f"There is no drift method {method!r}; Evidently's are {', '.join(sorted(_registered_stat_tests))}",
            "method",
        )
    if ColumnType(_TYPES[kind]) not in known:
        return {}
    return {"method": method} if threshold is None else {"method": method, "threshold": threshold}


def _two_samples(
    reference_data: pd.Series, current_data: pd.Series, feature_type: ColumnType, threshold: float
) -> tuple[float, bool]:
    """Return the p-value of Pearson's test of homogeneity, and whether it is below the threshold.

    Evidently's own chi-square test takes the reference for the population. It is a sample too: with windows of one
    size that halves the variance, and a quarter of the columns of two random samples would have drifted.
    """
    values = pd.concat([reference_data, current_data])
    window = ["reference"] * len(reference_data) + ["current"] * len(current_data)
    table = pd.crosstab(values.to_numpy(), window)
    p_value = 1.0 if len(table) < 2 else cast("float", chi2_contingency(table, correction=False)[1])
    return p_value, p_value < threshold


register_stattest(
    StatTest(
        name=TWO_SAMPLES,
        display_name="chi-square of two samples p_value",
        allowed_feature_types=[ColumnType.Categorical],
        default_threshold=0.05,
    ),
    default_impl=_two_samples,
)
