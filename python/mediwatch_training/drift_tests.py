"""A test of ours beside Evidently's; imported only with the library."""

from __future__ import annotations

import pandas as pd
from evidently.legacy.calculations.stattests.registry import StatTest, register_stattest
from evidently.legacy.core import ColumnType
from scipy.stats import chi2_contingency

TWO_SAMPLES = "chisquare_two_samples"
# Evidently takes distances instead of tests for more reference rows than this.
TESTED_ROWS = 1000


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
    p_value = 1.0 if len(table) < 2 else float(chi2_contingency(table, correction=False).pvalue)
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
