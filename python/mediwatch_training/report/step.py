"""The step itself: compute what was not computed before, draw, and log both to the run."""

from __future__ import annotations

from typing import Any

from ..progress import Progress
from ..tracking import connect, tracking_errors
from .artifacts import RunArtifacts
from .inputs import ReportRequest, read_request
from .page import draw
from .values import compute, key_of


def report(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Log a page about a new version, its comparison with the champion, its search and its data.

    Called again with another ``outcome`` alone, it draws from the values that the run has already.

    Args:
        input: As `ReportInput` in ``src/contracts/report.ts``; see `inputs.read_request` for what may be left out.
        progress: Told the stage.

    Returns:
        ``{reportUri, dataUri, summary}``.

    Raises:
        InvalidInput: A field is not as described, or the server has no such run.
        DataNotFound: There is no dataset in ``datasetDir``.
        TrackingFailed: The tracking server does not answer (retryable).
    """
    request = read_request(input)
    client = connect(request.tracking_uri)
    with tracking_errors(request.tracking_uri, "runId"):
        run = client.get_run(request.run_id)
        artifacts = RunArtifacts(client, request.run_id, request.work_dir)
        values = _values(request, run, artifacts, progress)
        progress({"stage": "drawing"})
        page, summary = draw(values, request.outcome)
        progress({"stage": "logging"})
        report_uri, data_uri = artifacts.write(page, values)
    return {"reportUri": report_uri, "dataUri": data_uri, "summary": summary}


def _values(request: ReportRequest, run: Any, artifacts: RunArtifacts, progress: Progress) -> dict[str, Any]:
    key = key_of(request)
    earlier = artifacts.read()
    if earlier is not None and earlier.get("key") == key:
        return earlier
    return compute(request, run.info.experiment_id, key, progress)
