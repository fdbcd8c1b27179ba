"""A compiled model predicts what its pipeline does, to rounding; one that would not is not used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import PACKAGE_ROOT, run, wait_until
from fastapi.testclient import TestClient
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline

from mediwatch_training.dataset import open_dataset
from mediwatch_training.models import FACTS
from mediwatch_training.serving import compiled
from mediwatch_training.serving.api import create_app
from mediwatch_training.serving.compiled.trees import _Boosters
from mediwatch_training.serving.model import ServedModel, describe
from mediwatch_training.serving.settings import Settings
from mediwatch_training.training import estimators
from mediwatch_training.training.train import _pipeline

TABLES = PACKAGE_ROOT.parent / "test" / "cases" / "inputs" / "tables"
TOLERANCE = 1e-12


def fitted(dataset_dir: Path, kind: str = "hgb", **params: Any) -> Pipeline:
    """A pipeline as `train` makes it, with few trees."""
    dataset = open_dataset(str(dataset_dir))
    few = {"n_estimators": 12} if kind == "rf" else {"min_samples_leaf": 5}
    whole = estimators.check_params(kind, {**few, **params}, dataset.meta["task"], 100)
    encoder, X, y = dataset.refitted_encoder()
    estimator = estimators.fit_final(dataset, X, y, kind, whole, 12, 42, 1)
    return _pipeline(dataset, encoder, estimator, 0.3 if dataset.meta["task"] == "binary" else None, "run")


@pytest.fixture(scope="module")
def bikes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dates, times, money, truth values and remarks, prepared."""
    return prepared(tmp_path_factory.mktemp("bikes"), "dates-money-text.csv", "churned")


def prepared(folder: Path, table: str, target: str) -> Path:
    run("prepare", dataPath=str(TABLES / table), outputDir=str(folder), target=target, group=None, drop=[])
    return folder


def differs(pipeline: Pipeline, rows: int = 3000) -> float:
    task = describe(pipeline, "1", None, None).task
    model = compiled.CompiledModel(pipeline, task)
    return compiled.difference(pipeline, model, compiled.sample_columns(pipeline, model, rows, 7), task)


@pytest.mark.parametrize("kind", ["hgb", "rf"])
@pytest.mark.parametrize(
    ("table", "target"),
    [
        ("dates-money-text.csv", "churned"),
        ("truth-values.csv", "renewed"),
        ("semicolons.csv", "full"),
        ("bom-and-spaces.csv", "fails soon"),
        ("three-classes.csv", "wear"),
        ("regression.csv", "yield_t_ha"),
        ("counts.csv", "visits"),
    ],
)
def test_every_kind_of_table_and_target_is_predicted_as_by_the_pipeline(tmp_path, table, target, kind):
    assert differs(fitted(prepared(tmp_path, table, target), kind)) <= TOLERANCE


@pytest.mark.parametrize(("kind", "params"), [("hgb", {}), ("hgb", {"max_leaf_nodes": 60}), ("rf", {})])
def test_codes_pairs_and_wide_columns_are_predicted_as_by_the_pipeline(sample_dataset, kind, params):
    assert differs(fitted(sample_dataset, kind, **params)) <= TOLERANCE


def test_categories_without_pairs_and_several_classes_of_codes_are_too(tmp_path, sample_csv):
    columns = {"target": "age", "positive": None, "group": "patient_nbr", "drop": ["encounter_id"]}
    run("prepare", dataPath=str(sample_csv), outputDir=str(tmp_path), **columns)
    pipeline = fitted(tmp_path)
    assert len(describe(pipeline, "1", None, None).classes) > 5
    assert differs(pipeline) <= TOLERANCE


def test_values_that_keep_coming_do_not_fill_the_memory(bikes):
    pipeline = fitted(bikes)
    model = compiled.CompiledModel(pipeline, "binary")
    row = compiled.sample_columns(pipeline, model, 0, 1)
    for start in range(0, 30_000, 5_000):
        texts = [f"remark number {number}" for number in range(start, start + 5_000)]
        columns = {name: values[:1] * len(texts) for name, values in row.items()} | {"comment": texts}
        found = model.predict(columns)
    assert max(map(len, model.encoding._tables.values())) < 15_000
    columns = {name: values[-200:] for name, values in columns.items()}
    assert compiled.difference(pipeline, model, columns, "binary") <= TOLERANCE
    assert len(found) == 5_000


def served(pipeline: Pipeline) -> ServedModel:
    return describe(pipeline, "1", None, None).in_less_time()


def test_what_cannot_be_compiled_is_said_and_served_by_its_pipeline(bikes, sample_dataset):
    assert served(fitted(bikes)).warning is None
    others = [fitted(sample_dataset, max_leaf_nodes=200), fitted(bikes)]
    others[1].steps[-1] = ("model", LogisticRegression())
    found = [served(pipeline) for pipeline in others]
    assert [model.compiled for model in found] == [None, None]
    assert "more than 64 leaves" in found[0].warning and "LogisticRegression" in found[1].warning


def test_one_that_would_predict_otherwise_is_not_used_and_health_says_so(bikes, tmp_path, monkeypatch):
    predict = _Boosters.predict
    monkeypatch.setattr(_Boosters, "predict", lambda self, encoded: predict(self, encoded) + 1e-9)
    pipeline = fitted(bikes)
    joblib.dump(pipeline, tmp_path / "model.joblib")
    example = getattr(pipeline, FACTS)["example"][0]
    environment = {"MODEL_SOURCE": "local", "MODEL_PATH": str(tmp_path / "model.joblib"), "PRED_LOG_DIR": str(tmp_path)}
    with TestClient(create_app(Settings.from_environment(environment)), base_url="http://localhost") as client:
        wait_until(lambda: "warning" in client.get("/health").json(), 30, "a warning")
        health = client.get("/health").json()
        [answer] = client.post("/predict", json={"records": [example]}).json()["predictions"]
    assert health["status"] == "ok" and health["compiled"] is False
    assert "differ from the pipeline's by 1.0e-09" in health["warning"]
    columns = {name: [value] for name, value in example.items()}
    assert np.array_equal([answer["prob"]], describe(pipeline, "1", None, None).predictions(columns))
