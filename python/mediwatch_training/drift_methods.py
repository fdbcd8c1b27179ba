"""Which way the score of a drift method points: p-values fall with drift, distances rise."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable

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
