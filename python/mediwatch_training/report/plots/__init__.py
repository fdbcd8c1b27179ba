"""The figures of the page, drawn by matplotlib into inline SVG."""

from .bars import comparison_plot, importance_plot, search_importance_plot, subgroups_plot
from .curves import calibration_plot, distribution_plot, precision_recall_plot, roc_plot
from .errors import errors_plot, fit_plot
from .search import history_plot, parallel_plot

__all__ = [
    "calibration_plot",
    "comparison_plot",
    "distribution_plot",
    "errors_plot",
    "fit_plot",
    "history_plot",
    "importance_plot",
    "parallel_plot",
    "precision_recall_plot",
    "roc_plot",
    "search_importance_plot",
    "subgroups_plot",
]
