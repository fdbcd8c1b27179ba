from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import answers, wait_until
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from test_serve import Api

from mediwatch_training.errors import ModelLoadFailed
from mediwatch_training.models import facts_of, loader_of
from mediwatch_training.serving.foreign import ForeignModel, adapt

TABLE = pd.DataFrame({"km": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0] * 5, "way": ["sea", "air", "rail"] * 10})
KINDS = ["fast", "slow", "lost"] * 10
HOURS = TABLE["km"] * 3 + 1


def load(folder: Path) -> Any:
    """Load a model that was saved as the API loads it from a registry."""
    description = yaml.safe_load((folder / "MLmodel").read_text())

    def read(path: str) -> bytes | None:
        return (folder / path).read_bytes() if (folder / path).is_file() else None

    return adapt(loader_of(str(folder))(), description, read)


def records(*rows: dict[str, Any]) -> pd.DataFrame:
    """Make of records what the API makes of them."""
    return pd.DataFrame({name: [row.get(name) for row in rows] for name in rows[0]}, dtype=object)


def test_a_classifier_answers_with_its_probabilities_by_the_names_of_its_columns(tmp_path: Path):
    model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(TABLE[["way"]], KINDS)
    signature = infer_signature(TABLE[["way"]], KINDS)
    mlflow.sklearn.save_model(model, tmp_path / "m", signature=signature, input_example=TABLE[["way"]].head(2))
    served = load(tmp_path / "m")
    facts = facts_of(served)
    assert facts["task"] == "multiclass" and facts["classes"] == ["fast", "lost", "slow"]
    assert facts["features"] == [{"name": "way", "kind": "unknown"}]
    assert facts["example"] == [{"way": "sea"}]
    assert served.predict_proba(records({"way": "air"}, {"way": None})).shape == (2, 3)


def test_a_regression_answers_with_numbers_and_whole_numbers_may_come_for_decimal_ones(tmp_path: Path):
    model = LinearRegression().fit(TABLE[["km"]], HOURS)
    mlflow.sklearn.save_model(model, tmp_path / "m", signature=infer_signature(TABLE[["km"]], HOURS))
    served = load(tmp_path / "m")
    assert facts_of(served)["task"] == "regression"
    assert facts_of(served)["example"] == [{"km": 0.0}]
    assert served.predict(records({"km": 2}, {"km": "4"})) == pytest.approx([7.0, 13.0])


# Says a word and a list for each row, as no scikit-learn model does; MLflow takes a model as its code, too.
HAULIER = """
import mlflow
import numpy as np
import pandas as pd

class Haulier(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        far = model_input["km"] > 2
        return pd.DataFrame({"word": np.where(far, "plane", "cart"), "stops": [[1, 2]] * len(model_input)})

mlflow.models.set_model(Haulier())
"""


@pytest.fixture
def haulier(tmp_path: Path) -> str:
    """The file of a model of its own kind."""
    file = tmp_path / "haulier.py"
    file.write_text(HAULIER)
    return str(file)


def test_any_other_flavour_answers_with_what_its_model_returns(haulier: str, tmp_path: Path):
    example = pd.DataFrame({"km": [9.5], "when": [pd.Timestamp("2026-03-01")], "ready": [True], "boxes": [3]})
    signature = infer_signature(example, pd.DataFrame({"word": ["cart"]}))
    mlflow.pyfunc.save_model(tmp_path / "m", python_model=haulier, signature=signature, input_example=example)
    served = load(tmp_path / "m")
    facts = facts_of(served)
    assert "task" not in facts and not hasattr(served, "predict_proba")
    assert [f["name"] for f in facts["features"]] == ["km", "when", "ready", "boxes"]
    said = served.predict(records({"km": 9, "when": "2026-03-04", "ready": True, "boxes": 2}, facts["example"][0]))
    assert said == [{"word": "plane", "stops": [1, 2]}] * 2


def test_a_model_of_arrays_has_features_by_their_places(tmp_path: Path):
    rows = np.array([[0.0, 1.0], [1.0, 0.0]] * 10)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows, [0, 1] * 10)
    mlflow.sklearn.save_model(model, tmp_path / "with", signature=infer_signature(rows), input_example=rows[:1])
    mlflow.sklearn.save_model(model, tmp_path / "without")
    for name in ("with", "without"):
        served = load(tmp_path / name)
        assert [f["name"] for f in facts_of(served)["features"]] == ["0", "1"]
        assert facts_of(served)["task"] == "binary"
        low, high = served.predict_proba(records({"0": 0, "1": 1}, {"0": 1, "1": 0}))[:, 1]
        assert low < 0.5 < high


def test_what_no_record_can_hold_or_nobody_describes_is_refused_with_what_to_do():
    image = {"inputs": '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 28, 28]}}]'}
    for description in ({"signature": image}, {}):
        with pytest.raises(ModelLoadFailed, match=r"deployment\.command"):
            ForeignModel(object(), description, lambda path: None)


def test_the_api_serves_a_model_of_another_trainer_from_the_registry(haulier: str, mlflow_uri: str, tmp_path: Path):
    example = pd.DataFrame({"km": [9.5]})
    mlflow.set_tracking_uri(mlflow_uri)
    logged = mlflow.pyfunc.log_model(
        name="model",
        python_model=haulier,
        signature=infer_signature(example, pd.DataFrame({"word": ["cart"]})),
        input_example=example,
        registered_model_name="Haulier",
    )
    api = Api(
        tmp_path,
        MLFLOW_TRACKING_URI=mlflow_uri,
        MLFLOW_MODEL_NAME="Haulier",
        MLFLOW_MODEL_VERSION=str(logged.registered_model_version),
    )
    wait_until(lambda: answers(f"http://127.0.0.1:{api.port}/health"), 120, "a healthy API")
    _, schema = api.call("/schema")
    assert schema["features"] == [{"name": "km", "kind": "numeric"}]
    status, answer = api.call("/predict", schema["example"])
    assert status == 200 and answer["model_version"] == str(logged.registered_model_version)
    assert answer["predictions"] == [{"prediction": {"word": "plane", "stops": [1, 2]}}]
    assert api.call("/predict", {"records": [{"km": "far"}]})[0] == 422
    assert json.loads(api.logged()[0]["prediction"]) == {"word": "plane", "stops": [1, 2]}
    assert api.stop() == 0
