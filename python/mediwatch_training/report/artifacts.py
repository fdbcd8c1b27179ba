"""Where the page and its values lie in an MLflow run."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from ..jsonio import to_json

_FOLDER, _PAGE, _DATA = "report", "report.html", "report.json"


class RunArtifacts:
    """The two files of a report in one run.

    Args:
        client: Of the tracking server.
        run_id: The run.
        work_dir: For temporary files; None for the system's own place.
    """

    def __init__(self, client: Any, run_id: str, work_dir: str | None) -> None:
        self._client = client
        self._run_id = run_id
        self._work_dir = work_dir
        if work_dir is not None:
            Path(work_dir).mkdir(parents=True, exist_ok=True)

    def read(self) -> dict[str, Any] | None:
        """Return the values of an earlier report; None if there are none that can be read."""
        path = f"{_FOLDER}/{_DATA}"
        if not any(file.path == path for file in self._client.list_artifacts(self._run_id, _FOLDER)):
            return None
        with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
            file = self._client.download_artifacts(self._run_id, path, folder)
            try:
                values = json.loads(Path(file).read_text(encoding="utf-8"))
            except ValueError:
                return None
        return values if isinstance(values, dict) else None

    def write(self, page: str, values: dict[str, Any]) -> tuple[str, str]:
        """Log both files, in place of earlier ones; return their URIs."""
        with tempfile.TemporaryDirectory(dir=self._work_dir) as folder:
            for name, content in ((_DATA, to_json(values)), (_PAGE, page)):
                file = Path(folder) / name
                file.write_text(content, encoding="utf-8")
                self._client.log_artifact(self._run_id, str(file), _FOLDER)
        base = f"runs:/{self._run_id}/{_FOLDER}"
        return f"{base}/{_PAGE}", f"{base}/{_DATA}"
