"""What a page in somebody's browser, or a noisy client, can do to the API."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import joblib
import pandas as pd
import pytest
from conftest import PACKAGE_ROOT, answers, child_environment, wait_until
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from test_serve import SECRET, Api

from mediwatch_training.training.columns import plan_columns
from mediwatch_training.training.encoder import make_encoder

RECORD = {"records": [{"note": "a", "size": 1}]}


def model_in(folder: Path) -> str:
    frame = pd.DataFrame({"note": ["a", "b", "c"] * 40, "size": [1.0, 2.0, 3.0] * 40})
    labels = (frame["note"] == "a").to_numpy().astype(int)
    model = make_pipeline(make_encoder(plan_columns(frame, labels, []), 0), HistGradientBoostingClassifier(max_iter=3))
    model.fit(frame, labels)
    model.mediwatch_ = {"features": [{"name": "note", "kind": "categorical"}, {"name": "size", "kind": "numeric"}]}
    joblib.dump(model, folder / "model.joblib")
    return str(folder / "model.joblib")


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    folder = tmp_path_factory.mktemp("guarded")
    api = Api(
        folder,
        MODEL_SOURCE="local",
        MODEL_PATH=model_in(folder),
        API_ALLOWED_HOSTS="localhost,predict.example.org,https://app.example.org",
    )
    wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
    assert api.call("/predict", RECORD)[0] == 200
    yield api
    assert api.stop() == 0


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:8000"}, 403),
        ({"X-Forwarded-Host": "evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost:3000"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
def test_what_a_page_sends_is_refused_and_not_logged(api, headers, status):
    before = len(api.logged())
    assert api.call("/predict", RECORD, **headers)[0] == status
    assert len(api.logged()) == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "predict.example.org"},
        {"Host": "[::1]:8000"},
        {"X-Forwarded-Host": "10.1.2.3:8000"},
        {"Host": "predict.example.org", "Origin": "https://predict.example.org"},
        {"Origin": "https://app.example.org"},
        {"Content-Type": "application/json; charset=utf-8"},
    ],
)
def test_clients_and_pages_that_are_named_are_answered(api, headers):
    assert api.call("/predict", RECORD, **headers)[0] == 200


def test_only_pages_that_are_named_may_ask_first(api):
    for origin, allowed in (("https://app.example.org", True), ("https://evil.example", False)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        request = urllib.request.Request(f"http://127.0.0.1:{api.port}/predict", headers=asked, method="OPTIONS")
        try:
            with urllib.request.urlopen(request, timeout=10) as response:
                assert allowed and response.headers["Access-Control-Allow-Origin"] == origin
        except urllib.error.HTTPError:
            assert not allowed


def test_who_does_not_know_the_secret_cannot_keep_a_prediction_out_of_the_log(api):
    before = len(api.logged())
    for given in ("1", "", SECRET.upper(), "ü"):
        assert api.call("/predict", RECORD, **{"X-Mediwatch-Verify": given.encode().decode("latin-1")})[0] == 200
    assert len(api.logged()) == before + 4
    assert api.call("/predict", RECORD, **{"X-Mediwatch-Verify": SECRET})[0] == 200
    assert len(api.logged()) == before + 4


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"note": "x" * 5000}, "longer than 4096 characters"),
        ({f"f{number}": 1 for number in range(200)}, "has 200 fields, the model reads 2"),
        ({"size": "PATIENT-000"}, "must be a number or null, not a text"),
    ],
)
def test_a_record_has_bounds_and_its_values_are_not_repeated(api, record, said):
    before = len(api.logged())
    status, answer = api.call("/predict", {"records": [record]})
    assert status == 422 and said in answer["error"] and "PATIENT" not in answer["error"]
    assert len(api.logged()) == before


def test_a_warning_does_not_grow_with_the_names_in_a_request(api):
    record = {f"{number}{'n' * 3000}": 1 for number in range(90)}
    _, answer = api.call("/predict", {"records": [record]})
    assert len(json.dumps(answer["warnings"])) < 4000


def test_why_there_is_no_model_is_for_whoever_knows_the_secret_and_for_the_log(tmp_path):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        api = Api(tmp_path, MLFLOW_TRACKING_URI=f"http://ann:pa55word@{address}")
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/openapi.json"), 60, "an API that answers")
            known = {"X-Mediwatch-Verify": SECRET}
            wait_until(lambda: address in api.call("/health", **known)[1]["reason"], 30, "a reason")
            status, anonymous = api.call("/health")
            assert status == 503 and anonymous == {
                "status": "unavailable",
                "model_name": "MediWatchReadmit",
                "model_source": "mlflow",
            }
            told = [api.call("/health", **known), api.call("/predict", RECORD), api.call("/schema")]
            log = (tmp_path / "api.log").read_text()
            assert address in log
            assert "pa55word" not in log + json.dumps(told)
            assert address not in json.dumps(told[1:])
        finally:
            api.stop()


def test_a_model_that_chokes_on_a_value_quotes_it_neither_in_the_answer_nor_in_the_log(tmp_path):
    (tmp_path / "choosy.py").write_text(
        "import numpy as np\n"
        "class Choosy:\n"
        "    feature_names_in_ = ['note']\n"
        "    def predict_proba(self, X):\n"
        "        for value in X['note']:\n"
        "            if value is not None: float(value)\n"
        "            if value == '1': raise RuntimeError(f'what is {value} of PATI' 'ENT-000')\n"
        "        return np.full((len(X), 2), 0.5)\n"
    )
    make = "import joblib, choosy; joblib.dump(choosy.Choosy(), 'model.joblib')"
    path = f"{PACKAGE_ROOT}:{tmp_path}"
    subprocess.run([sys.executable, "-c", make], cwd=tmp_path, env=child_environment(PYTHONPATH=path), check=True)
    api = Api(tmp_path, MODEL_SOURCE="local", MODEL_PATH=str(tmp_path / "model.joblib"), PYTHONPATH=path)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 60, "a healthy API")
        status, answer = api.call("/predict", {"records": [{"note": "PATIENT-000"}]})
        assert status == 422 and "ValueError in " in answer["error"]
        with pytest.raises(json.JSONDecodeError):  # a defect of the model
            api.call("/predict", {"records": [{"note": "1"}]})
        log = tmp_path / "api.log"
        wait_until(lambda: "RuntimeError in " in log.read_text(), 10, "the traceback")
        assert "PATIENT" not in log.read_text() + json.dumps(answer)
    finally:
        api.stop()
