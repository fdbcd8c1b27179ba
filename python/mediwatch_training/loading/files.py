"""The files of a model: fetched, and compared with what was registered."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ModelChanged, ModelLoadFailed
from ..tracking import connect, tracking_errors

if TYPE_CHECKING:
    from ..contract import EvaluateInputModelRecorded as Recorded

# MLflow adds it to what it downloads from a registry.
_ADDED = "registered_model_meta"


def fetch_model(uri: str, tracking_uri: str, folder: str, recorded: Recorded | None) -> Path:
    """Download a model into `folder` and compare it with what was registered; return where it lies.

    Raises:
        ModelLoadFailed: There is no such model.
        ModelChanged: A file is not what was registered.
        MlflowUnavailable: The server does not answer.
    """
    connect(tracking_uri)
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException

    with tracking_errors(tracking_uri):
        try:
            path = Path(download_artifacts(artifact_uri=uri, dst_path=folder))
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                raise ModelLoadFailed(
                    f"There is no model {uri} at {tracking_uri}: {error.message}", "models"
                ) from error
            raise
    (path / _ADDED).unlink(missing_ok=True)
    if recorded is not None:
        check(uri, manifest(path), recorded)
    return path


def manifest(folder: Path) -> str:
    """Return a line for each file below a folder, as `sha256sum` writes them, in the order of their paths."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return "".join(f"{sha256(path.read_bytes())}  {name}\n" for name, path in sorted(files.items(), key=_bytewise))


def check(uri: str, found: str, recorded: Recorded) -> None:
    """Compare the files of a model with what was registered.

    Raises:
        ModelChanged: A file is another, is missing or was added.
    """
    if sha256(found.encode()) == recorded["digest"]:
        return
    changed = sorted({line[66:] for line in set(found.splitlines()) ^ set((recorded["files"] or "").splitlines())})
    what = ", ".join(changed[:5]) if recorded["files"] else "one of its files"
    raise ModelChanged(f"{what} of {uri} is not what was registered; it was not loaded", "models")


def check_file(name: str, path: str, content: bytes, recorded: Recorded | None) -> None:
    """Compare one file of a model with what was registered, where that says anything of it.

    Raises:
        ModelChanged: It is another.
    """
    if recorded is None or recorded["files"] is None:
        return
    if sha256(recorded["files"].encode()) != recorded["digest"]:
        raise ModelChanged(f"The tags of {name} contradict each other; it was not loaded")
    if f"{sha256(content)}  {path}" not in recorded["files"].splitlines():
        raise ModelChanged(f"{path} of {name} is not what was registered; it was not loaded")


def sha256(content: bytes) -> str:
    """Return the digest in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def _bytewise(item: tuple[str, Path]) -> bytes:
    return item[0].encode()
