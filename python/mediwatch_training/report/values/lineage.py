"""Where a version comes from: everything that is needed to make it again."""

from __future__ import annotations

import importlib.metadata
import platform
from typing import Any

from ..inputs import ReportRequest, without_password

_PACKAGES = ("scikit-learn", "numpy", "pandas", "mlflow", "optuna", "matplotlib")


def lineage(request: ReportRequest, experiment_id: str) -> dict[str, Any]:
    """Return the lineage of the input, with the run's page in MLflow and the versions of what computed."""
    return {
        **request.lineage,
        "runId": request.run_id,
        "runUrl": request.lineage["runUrl"] or _run_url(request.tracking_uri, experiment_id, request.run_id),
        "versions": {"Python": platform.python_version(), **{name: _version(name) for name in _PACKAGES}},
    }


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _run_url(tracking_uri: str, experiment_id: str, run_id: str) -> str | None:
    if not tracking_uri.startswith(("http://", "https://")):
        return None
    return f"{without_password(tracking_uri).rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}"
