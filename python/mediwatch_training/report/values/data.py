"""The data of a version, and where the version comes from."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import TYPE_CHECKING

import numpy as np

from ...dataset import Dataset
from ...errors import without_password
from ..inputs import ReportRequest

if TYPE_CHECKING:
    import pandas as pd

    from ..shapes import Importance, Lineage, Missing, Profile, ProfiledColumn


_QUANTILES = (0.05, 0.5, 0.95)
# A page is for reading: the table ends here.
_MAX_COLUMNS = 150
_MAX_TEXT = 60


def profile(dataset: Dataset | None, importance: Importance | Missing) -> Profile | Missing:
    """Return what the data looks like; columns in the order of their importance where it is known."""
    if dataset is None:
        return {"missing": "The data set was prepared by a command of the project: its splits are not known here."}
    records = dataset.test_records
    used = {feature["name"]: feature["kind"] for feature in dataset.meta["features"]}
    measured = [] if "missing" in importance else importance["columns"]
    ranked = [column["name"] for column in measured if column["name"] in records]
    columns = [str(name) for name in records]
    names = list(dict.fromkeys([*ranked, *(name for name in columns if name in used), *columns]))
    return {
        "dropped": dataset.meta["dropped"],
        "remarks": dataset.meta["remarks"],
        "splits": dataset.meta["splits"],
        "rows": dataset.meta["rows"],
        "groups": dataset.meta["groups"],
        "positives": dataset.meta["positives"],
        "sha256": dataset.meta["dataSha256"],
        "features": len(used),
        "encoded": dataset.meta["encodedColumns"],
        "columns": [_column(name, records[name], used.get(name)) for name in names[:_MAX_COLUMNS]],
        "left": max(len(names) - _MAX_COLUMNS, 0),
    }


def _column(name: str, column: pd.Series, kind: str | None) -> ProfiledColumn:
    known = column.dropna()
    described: ProfiledColumn = {
        "name": name,
        "used": kind is not None,
        "kind": kind or ("categorical" if column.dtype == object else "numeric"),
        "missing": float(column.isna().mean()) if len(column) else None,
        "distinct": int(known.nunique()),
    }
    if known.empty:
        return described
    if described["kind"] == "numeric" and column.dtype != object:
        return {**described, "quantiles": np.quantile(known.to_numpy(dtype=float), _QUANTILES).tolist()}
    counts = known.value_counts()
    top = str(sorted(counts.index[counts == counts.iloc[0]], key=str)[0])
    return {
        **described,
        "top": top if len(top) <= _MAX_TEXT else f"{top[: _MAX_TEXT - 1]}…",
        "topShare": float(counts.iloc[0] / len(column)),
    }


_PACKAGES = ("scikit-learn", "numpy", "pandas", "mlflow", "optuna", "matplotlib")


def lineage(request: ReportRequest, experiment_id: str) -> Lineage:
    """Return the lineage of the input, with the run's page in MLflow and the versions of what trained the model."""
    declared = request.challenger.versions
    return {
        **request.lineage,
        "runId": request.run_id,
        "runUrl": request.lineage["runUrl"] or _run_url(request.tracking_uri, experiment_id, request.run_id),
        "versions": _installed() if declared is None else {**declared},
    }


def _installed() -> dict[str, str | None]:
    return {"Python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}}


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _run_url(tracking_uri: str, experiment_id: str, run_id: str) -> str | None:
    if not tracking_uri.startswith(("http://", "https://")):
        return None
    return f"{without_password(tracking_uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
