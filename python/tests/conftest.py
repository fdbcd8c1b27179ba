"""What the tests share: the real file, a sample of it prepared once, an MLflow server, free ports."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediwatch_training.steps import ignore_progress, run_step

PACKAGE_ROOT = Path(__file__).resolve().parents[1]
# MLflow as "npm start" runs it, which takes half the time of "mlflow server".
MLFLOW_SERVER = PACKAGE_ROOT.parent / "src" / "stack" / "mlflow_server.py"
REAL_DATA = PACKAGE_ROOT.parent / "data" / "diabetic_data.csv.gz"
# Enough for every split to hold both classes and for a fit to take a moment only.
SAMPLE_ROWS = 6000


def run(step: str, **values: Any) -> dict[str, Any]:
    """Run a step in this process."""
    return run_step(step, values, ignore_progress)


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def child_environment(**values: str) -> dict[str, str]:
    """Return the environment of a child process that can import the package."""
    return {**os.environ, "PYTHONPATH": str(PACKAGE_ROOT), **values}


def wait_until(ready: Any, seconds: float, what: str) -> Any:
    """Call `ready` until it returns something true, and return that; fail after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if answer := ready():
            return answer
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen within {seconds} s")


def answers(url: str) -> bool:
    """Whether `url` answers with 200."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


@pytest.fixture(scope="session")
def sample_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The header and the first rows of the real file."""
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    with gzip.open(REAL_DATA, "rt", encoding="utf-8") as source:
        path.write_text("".join(line for line, _ in zip(source, range(SAMPLE_ROWS + 1), strict=False)))
    return path


@pytest.fixture(scope="session")
def sample_dataset(sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample, prepared."""
    output = tmp_path_factory.mktemp("dataset")
    run("prepare", dataPath=str(sample_csv), outputDir=str(output))
    return output


@pytest.fixture(scope="session")
def mlflow_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real MLflow server on a loopback port, with its files in a temporary directory."""
    directory, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [sys.executable, str(MLFLOW_SERVER), "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}"]
    command += ["--artifacts-destination", str(directory / "artifacts")]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=child_environment(MLFLOW_SERVER_ENABLE_JOB_EXECUTION="false", MLFLOW_DISABLE_TELEMETRY="true"),
            start_new_session=True,
        )
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/health"), 90, "the start of MLflow")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait(20)


@pytest.fixture(scope="session")
def trained(sample_dataset: Path, mlflow_uri: str) -> dict[str, Any]:
    """A gradient boosting model of the sample, trained without a search and registered as version 1 of "Sample"."""
    return run(
        "train-and-register",
        datasetDir=str(sample_dataset),
        trackingUri=mlflow_uri,
        params={"max_iter": 20},
        threads=2,
        register="Sample",
    )
