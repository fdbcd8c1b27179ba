"""The step itself: compute what was not computed before, draw, and log both to the run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, cast

from ..checks import is_object
from ..jsonio import to_json
from ..tracking import connect, tracking_errors
from .inputs import ReportRequest, read_request
from .page import draw
from .values import compute, key_of

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from ..contract import ReportInput, ReportResult
    from ..steps import Progress
    from .shapes import Values

_FOLDER, _PAGE, _DATA = "report", "report.html", "report.json"


def report(input: ReportInput, progress: Progress) -> ReportResult:
    """Log a page about a new version, its comparison with the champion, its search and its data.

    Called again with another ``outcome`` alone, it draws from the values that the run has already.

    Args:
        input: What is None or left out is said to be unknown on the page.
        progress: Called with the stage.

    Raises:
        InvalidInput: The server has no such run.
        DataNotFound: There is no dataset in ``datasetDir``.
        MlflowUnavailable: The tracking server does not answer (retryable).
        MlflowRefused: The tracking server does not do what it is asked.
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


def _values(request: ReportRequest, run: Run, artifacts: RunArtifacts, progress: Progress) -> Values:
    key = key_of(request)
    earlier = artifacts.read()
    if earlier is not None and earlier.get("key") == key:
        return earlier
    return compute(request, run.info.experiment_id, key, progress)


class RunArtifacts:
    """The two files of a report in one run.

    Args:
        client: Of the tracking server.
        run_id: The run.
        work_dir: For temporary files; None for the system's own place.
    """

    def __init__(self, client: MlflowClient, run_id: str, work_dir: str | None) -> None:
        self._client = client
        self._run_id = run_id
        self._work_dir = work_dir
        if work_dir is not None:
            Path(work_dir).mkdir(parents=True, exist_ok=True)

    def read(self) -> Values | None:
        """Return the values of an earlier report; None if there are none that can be read."""
        path = f"{_FOLDER}/{_DATA}"
        if not any(file.path == path for file in self._client.list_artifacts(self._run_id, _FOLDER)):
            return None
        with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
            file = self._client.download_artifacts(self._run_id, path, folder)
            try:
                values: object = json.loads(Path(file).read_text(encoding="utf-8"))
            except ValueError:
                return None
        return cast("Values", values) if is_object(values) else None

    def write(self, page: str, values: Values) -> tuple[str, str]:
        """Log both files, in place of earlier ones; return their URIs."""
        with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
            for name, content in ((_DATA, to_json(values)), (_PAGE, page)):
                file = Path(folder) / name
                file.write_text(content, encoding="utf-8")
                self._client.log_artifact(self._run_id, str(file), _FOLDER)
        base = f"runs:/{self._run_id}/{_FOLDER}"
        return f"{base}/{_PAGE}", f"{base}/{_DATA}"
