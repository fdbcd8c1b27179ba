from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from conftest import answers, wait_until
from mlflow.models import infer_signature
from test_serve import KNOWN, Api

from mediwatch_training.serving.model import missing_package


def test_a_missing_package_is_named_wherever_it_was_missed():
    try:
        try:
            raise ModuleNotFoundError("No module named 'xgboost.core'", name="xgboost.core")
        except ModuleNotFoundError as error:
            raise RuntimeError("cannot be unpickled") from error
    except RuntimeError as error:
        assert missing_package(error) == "xgboost"
    assert missing_package(ValueError("something else")) is None


def wheel(folder: Path, version: str) -> Path:
    """Write a package of one module, as an index would have it, and return its file."""
    path = folder / f"tinyscale-{version}-py3-none-any.whl"
    info = f"tinyscale-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("tinyscale.py", f"VERSION = {version!r}\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tinyscale\nVersion: {version}\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


MODEL = """
import mlflow
import tinyscale

class Scale(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return [f"{weight} of {tinyscale.VERSION}" for weight in model_input["weight"]]

mlflow.models.set_model(Scale())
"""


def test_a_model_is_served_with_the_packages_that_it_names_where_that_is_asked(
    mlflow_uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.syspath_prepend(str(wheel(tmp_path, "1.0")))
    (tmp_path / "scale.py").write_text(MODEL)
    example = pd.DataFrame({"weight": [2.5]})
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.pyfunc.log_model(
        name="model",
        python_model=str(tmp_path / "scale.py"),
        signature=infer_signature(example, ["text"]),
        input_example=example,
        pip_requirements=["tinyscale==1.0"],
        registered_model_name="Scale",
    )
    named = {"MLFLOW_TRACKING_URI": mlflow_uri, "MLFLOW_MODEL_NAME": "Scale", "MLFLOW_MODEL_VERSION": "1"}
    with_ours = Api(tmp_path, **named)
    health = wait_until(lambda: reason_of(with_ours), 60, "a reason")
    assert health["final"] is True
    assert "needs the package tinyscale" in health["reason"] and "deployment.environment" in health["reason"]
    with_ours.stop()

    places = {
        "MODEL_ENVIRONMENTS": str(tmp_path / "environments"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(tmp_path),
    }
    for _ in range(2):
        with_its_own = Api(tmp_path, "mediwatch_training.serving.environment", **named, **places)
        wait_until(lambda: answers(f"http://127.0.0.1:{with_its_own.port}/health"), 240, "a healthy API")  # noqa: B023
        _, answer = with_its_own.call("/predict", {"records": [{"weight": 2.5}]})
        assert answer["predictions"] == [{"prediction": "2.5 of 1.0"}]
        assert with_its_own.stop() == 0
    assert (tmp_path / "api.log").read_text().count("Installing the packages") == 1


def reason_of(api: Api) -> dict[str, Any] | None:
    """Return why an API has no model, once it knows."""
    try:
        _, health = api.call("/health", **KNOWN)
    except OSError:
        return None
    return health if "tinyscale" in health.get("reason", "") else None
