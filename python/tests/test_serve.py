from __future__ import annotations

import csv
import gzip
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import mlflow
import pandas as pd
import pytest
from conftest import answers, child_environment, free_port, wait_until
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from mediwatch_training.training.columns import plan_columns
from mediwatch_training.training.encoder import make_encoder

# What the API knows a deployment check by, which learns why there is no model.
SECRET = "of the gateway"
KNOWN = {"X-Mediwatch-Verify": SECRET}


class Api:
    """A running API."""

    def __init__(self, directory: Path, module: str = "mediwatch_training.serving", **environment: str) -> None:
        self.port, self.logs = free_port(), directory / "logs"
        values = {"PORT": str(self.port), "PRED_LOG_DIR": str(self.logs), "API_CHECK_SECRET": SECRET, **environment}
        with (directory / "api.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module],
                env=child_environment(**values),
                cwd=directory,
                stdout=log,
                stderr=log,
            )

    def call(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **headers}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())

    def logged(self) -> list[dict[str, str]]:
        with (self.logs / "predictions.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture(scope="module")
def api(trained: dict, mlflow_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    client = mlflow.MlflowClient(mlflow_uri, mlflow_uri)
    client.transition_model_version_stage("Sample", trained["registered"]["version"], "Production")
    api = Api(tmp_path_factory.mktemp("api"), MLFLOW_TRACKING_URI=mlflow_uri, MLFLOW_MODEL_NAME="Sample")
    wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
    yield api
    assert api.stop() == 0


def test_health_and_schema_answer_head(api):
    for path in ("/health", "/schema"):
        request = urllib.request.Request(f"http://127.0.0.1:{api.port}{path}", method="HEAD")
        with urllib.request.urlopen(request, timeout=30) as response:
            assert (response.status, response.read()) == (200, b"")


def test_a_body_may_be_gzip_and_nothing_else(api):
    _, schema = api.call("/schema")
    body = json.dumps(schema["example"]).encode()
    assert api.call("/predict", gzip.compress(body), **{"Content-Encoding": "gzip"})[0] == 200
    refused = [
        api.call("/predict", body, **{"Content-Encoding": "br"}),
        api.call("/predict", body, **{"Content-Encoding": "gzip"}),
        api.call("/predict", gzip.compress(body)[:-12], **{"Content-Encoding": "gzip"}),
        api.call("/predict", gzip.compress(b" " * (33 * 2**20)), **{"Content-Encoding": "gzip"}),
    ]
    assert [status for status, _ in refused] == [415, 400, 400, 413]


def test_health_says_which_model_serves(api, trained):
    wait_until(lambda: api.call("/health")[1]["compiled"], 20, "a compiled model")
    status, health = api.call("/health")
    assert status == 200 and health.pop("loaded_at") > 1.7e9
    assert health == {
        "status": "ok",
        "model_name": "Sample",
        "model_version": trained["registered"]["version"],
        "model_stage": "Production",
        "model_source": "mlflow",
        "run_id": trained["runId"],
        "compiled": True,
    }


def test_the_schema_has_an_example_that_predicts(api, trained):
    _, schema = api.call("/schema")
    assert {"name": "age", "kind": "categorical"} in schema["features"]
    status, answer = api.call("/predict", schema["example"])
    assert status == 200 and "warnings" not in answer
    assert answer["model_version"] == trained["registered"]["version"]
    assert answer["threshold"] == pytest.approx(trained["threshold"])
    [prediction] = answer["predictions"]
    assert 0 < prediction["prob"] < 1 and prediction["pred"] == int(prediction["prob"] >= answer["threshold"])


def test_predictions_are_logged_and_checks_are_not(api):
    _, schema = api.call("/schema")
    api.call("/predict", schema["example"])
    before = api.logged()
    record = schema["example"]["records"][0]
    api.call("/predict", {"records": [record, record]})
    api.call("/predict", schema["example"], **KNOWN)
    rows = api.logged()
    assert len(rows) == len(before) + 2
    assert [*rows[-1]] == [
        *("event_id", "ts", "registered_model", "model_version", "threshold"),
        *(feature["name"] for feature in schema["features"]),
        *("prob", "pred"),
    ]
    assert rows[-1]["registered_model"] == "Sample"
    assert rows[-1]["age"] == record["age"] and rows[-1]["event_id"] != rows[-2]["event_id"]
    assert all(str(uuid.UUID(row["event_id"], version=4)) == row["event_id"] for row in rows)
    assert float(rows[-1]["ts"]) > 1.7e9


def test_unknown_and_absent_fields_are_warnings(api):
    status, answer = api.call("/predict", {"records": [{"age": "[50-60)", "colour": "red", "admission_type_id": "1"}]})
    assert status == 200
    assert "colour" in answer["warnings"][0] and "time_in_hospital" in answer["warnings"][1]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"garbage", 400, "not JSON"),
        (b"", 400, "not JSON"),
        (b"[]", 422, "records"),
        ({"records": []}, 422, "at least one"),
        ({"records": [1]}, 422, r"records[0] must be an object"),
        ({"records": [{}, {"time_in_hospital": "long"}]}, 422, "records[1].time_in_hospital must be a number"),
        ({"records": [{"age": [1]}]}, 422, "records[0].age must be a single value"),
        (b'{"records": [{"time_in_hospital": 1' + b"0" * 400 + b"}]}", 422, "time_in_hospital must be a number"),
        ({"records": [{"age": "\ud800"}]}, 422, "half a character"),
        ({"records": [{"\udfff": 1}]}, 422, "half a character"),
        ({"records": [{}] * 10_001}, 413, "10000"),
    ],
)
def test_a_malformed_request_is_explained(api, body, status, message):
    code, answer = api.call("/predict", body)
    assert code == status and message in answer["error"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", tmp_path], capture_output=True).returncode:
        pytest.skip("this user may not mount a file system")
    yield tmp_path
    subprocess.run(["umount", tmp_path], check=True)


@pytest.mark.usefixtures("api")  # It has put the version into Production.
def test_predictions_are_answered_on_a_full_disk(mlflow_uri, small_disk):
    api = Api(small_disk, MLFLOW_TRACKING_URI=mlflow_uri, MLFLOW_MODEL_NAME="Sample")
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
        _, schema = api.call("/schema")
        filler = small_disk / "filler"
        with pytest.raises(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(1024))
        for _ in range(30):
            status, answer = api.call("/predict", {"records": schema["example"]["records"] * 20})
            assert status == 200 and len(answer["predictions"]) == 20
        assert answer["warnings"] == ["the prediction log was not written: No space left on device"]
        filler.unlink()
        _, answer = api.call("/predict", schema["example"])
        assert "warnings" not in answer
        assert api.logged()
    finally:
        assert api.stop() == 0


def test_the_log_never_makes_a_prediction_fail(trained, mlflow_uri, tmp_path):
    source = mlflow.artifacts.download_artifacts(
        run_id=trained["runId"],
        artifact_path="model_pipeline.joblib",
        tracking_uri=mlflow_uri,
        dst_path=str(tmp_path),
    )
    (tmp_path / "logs").write_text("a file where the directory should be")
    api = Api(tmp_path, MODEL_SOURCE="local", MODEL_PATH=source, MODEL_VERSION="v1")
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
        _, schema = api.call("/schema")
        status, answer = api.call("/predict", schema["example"])
        assert status == 200 and answer["model_version"] == "v1"
        assert "prediction log" in answer["warnings"][0]
    finally:
        assert api.stop() == 0


def test_without_a_model_it_says_why_and_serves_one_that_appears(trained, mlflow_uri, tmp_path):
    api = Api(tmp_path, MLFLOW_TRACKING_URI=mlflow_uri, MLFLOW_MODEL_NAME="Sample", MLFLOW_MODEL_STAGE="Staging")
    try:
        url = f"http://127.0.0.1:{api.port}"
        wait_until(lambda: answers(f"{url}/openapi.json"), 60, "an API that answers")
        wait_until(lambda: "Staging" in api.call("/health", **KNOWN)[1]["reason"], 20, "a reason")
        status, health = api.call("/health", **KNOWN)
        assert status == 503 and "promote one" in health["reason"]
        assert api.call("/predict", {"records": [{}]})[0] == 503
        client = mlflow.MlflowClient(mlflow_uri, mlflow_uri)
        copy = client.copy_model_version(f"models:/Sample/{trained['registered']['version']}", "Sample")
        client.transition_model_version_stage("Sample", copy.version, "Staging")
        wait_until(lambda: answers(f"{url}/health"), 20, "health after a promotion")
    finally:
        assert api.stop() == 0


def test_a_missing_model_file_and_a_wrong_setting_are_explained(tmp_path):
    api = Api(tmp_path, MODEL_SOURCE="local", MODEL_PATH="nowhere.joblib")
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/openapi.json"), 60, "an API that answers")
        wait_until(lambda: "nowhere.joblib" in api.call("/health", **KNOWN)[1]["reason"], 10, "a reason")
    finally:
        assert api.stop() == 0
    assert Api(tmp_path, PORT="http").process.wait(30) == 2


def test_true_in_json_is_the_category_that_the_training_data_write(tmp_path):
    frame = pd.DataFrame({"flag": ["TRUE", "FALSE", "FALSE"] * 40})
    labels = (frame["flag"] == "TRUE").to_numpy().astype(int)
    model = make_pipeline(make_encoder(plan_columns(frame, labels, []), 0), LogisticRegression())
    model.fit(frame, labels)
    model.mediwatch_ = {"features": [{"name": "flag", "kind": "categorical"}]}
    joblib.dump(model, tmp_path / "model.joblib")
    api = Api(tmp_path, MODEL_SOURCE="local", MODEL_PATH=str(tmp_path / "model.joblib"))
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
        records = [{"flag": value} for value in ("TRUE", True, "FALSE", False)]
        _, answer = api.call("/predict", {"records": records})
        assert [prediction["pred"] for prediction in answer["predictions"]] == [1, 1, 0, 0]
        assert [row["flag"] for row in api.logged()] == ["TRUE", "TRUE", "FALSE", "FALSE"]
    finally:
        assert api.stop() == 0
