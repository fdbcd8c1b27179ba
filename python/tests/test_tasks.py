"""Several classes and numbers: from the table to the API's answer."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import run
from sklearn import metrics

from mediwatch_training.dataset import open_dataset
from mediwatch_training.drift.windows import training_sample
from mediwatch_training.errors import InvalidInput, ModelMismatch
from mediwatch_training.serving.api import Service
from mediwatch_training.serving.batching import Asked
from mediwatch_training.serving.model import describe
from mediwatch_training.serving.settings import Settings
from mediwatch_training.training.evaluate import floor
from mediwatch_training.training.scores import SCORES, interval, resamples, scores, trivial_prediction, weighted_scores

TASKS = ("multiclass", "regression")
PARAMS = {"min_samples_leaf": 10}
ROWS = 900


@pytest.fixture(scope="module")
def datasets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A prepared table of each kind: `size` and `colour` tell most of the target, `name` has many values."""
    random = np.random.default_rng(3)
    size, colour = random.normal(size=ROWS), random.choice(["red", "green", "blue"], ROWS)
    amount = 20 + 5 * size + 4 * (colour == "red") + random.normal(size=ROWS)
    frame = pd.DataFrame({"size": size, "colour": colour, "name": random.choice([f"n{n}" for n in range(60)], ROWS)})
    targets = {
        "multiclass": np.where(amount > 24, "much", np.where(amount > 18, "some", "little")),
        "regression": amount,
    }
    folders: dict[str, Path] = {}
    for task, values in targets.items():
        folder = tmp_path_factory.mktemp(task)
        frame.assign(amount=values).to_csv(folder / "data.csv", index=False)
        result = run(
            "prepare", dataPath=str(folder / "data.csv"), outputDir=str(folder / "o"), target="amount", group=None
        )
        assert result["task"] == task and result["positives"] is None and result["positive"] is None
        folders[task] = folder / "o"
    return folders


@pytest.fixture(scope="module")
def models(datasets: dict[str, Path], mlflow_uri: str) -> dict[str, dict[str, Any]]:
    return {
        task: run(
            "train-and-register",
            datasetDir=str(folder),
            trackingUri=mlflow_uri,
            params={**PARAMS, "learning_rate": 0.2},
            threads=2,
            register=f"Of{task}",
        )
        for task, folder in datasets.items()
    }


def predictions(task: str, labels: np.ndarray) -> np.ndarray:
    """Return predictions that are better than chance."""
    random = np.random.default_rng(5)
    if task == "regression":
        return labels + random.normal(size=len(labels)) * 3
    near = np.eye(int(labels.max()) + 1)[labels.astype(int)] + random.random((len(labels), int(labels.max()) + 1)) * 2
    return near / near.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("task", TASKS)
def test_scores_are_those_of_scikit_learn_and_of_resamples_too(task):
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 120) if task == "multiclass" else random.normal(size=120) * 4
    predicted = predictions(task, labels)

    def expected(y: np.ndarray, p: np.ndarray) -> dict[str, float]:
        if task == "regression":
            return {
                "r2": metrics.r2_score(y, p),
                "rmse": metrics.root_mean_squared_error(y, p),
                "mae": metrics.mean_absolute_error(y, p),
                "median_absolute_error": metrics.median_absolute_error(y, p),
            }
        taken = p.argmax(axis=1)
        return {
            "auc": metrics.roc_auc_score(y, p, multi_class="ovr"),
            "log_loss": metrics.log_loss(y, p),
            "accuracy": metrics.accuracy_score(y, taken),
            "balanced_accuracy": metrics.balanced_accuracy_score(y, taken),
            "f1": metrics.f1_score(y, taken, average="macro"),
        }

    assert scores(task, labels, predicted) == pytest.approx(expected(labels, predicted), rel=1e-9)
    for weights in resamples(len(labels), 40):
        for counts, values in zip(weights, weighted_scores(task, labels, predicted).of(weights), strict=True):
            drawn = np.repeat(np.arange(len(labels)), counts)
            own = expected(labels[drawn], predicted[drawn])
            np.testing.assert_allclose(values, [own[name] for name in SCORES[task]], rtol=1e-9)


@pytest.mark.parametrize("task", TASKS)
def test_an_interval_holds_the_score_and_the_floor_tells_a_model_from_the_trivial_one(datasets, task):
    dataset = open_dataset(str(datasets[task]))
    labels = dataset.labels("test")
    good = floor(dataset, predictions(task, labels))
    assert good["trivial"] < good["low"] < good["score"]
    drawn = np.concatenate(
        [weighted_scores(task, labels, predictions(task, labels)).of(w) for w in resamples(len(labels))]
    )
    low, high = interval(drawn[:, 0]) or (1, 0)
    assert low < good["score"] < high
    learned = np.concatenate([dataset.labels("train"), dataset.labels("validation")])
    constant = floor(dataset, trivial_prediction(task, learned, len(labels)))
    assert constant["low"] <= constant["trivial"] == constant["score"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", ["hgb", "rf"])
def test_a_trial_is_scored_so_that_more_is_better(datasets, task, model):
    result = run("trial", datasetDir=str(datasets[task]), model=model, params=PARAMS)
    assert result["score"] == result["metrics"][f"validation_{SCORES[task][0]}"] > 0.7
    assert {f"validation_{name}" for name in SCORES[task]} <= result["metrics"].keys()


@pytest.mark.parametrize("task", TASKS)
def test_a_trial_on_a_part_of_the_rows_is_repeatable_and_knows_every_class(datasets, task):
    ask = {"datasetDir": str(datasets[task]), "params": PARAMS}
    part = run("trial", share=1 / 9, **ask)
    assert part["score"] == run("trial", share=1 / 9, **ask)["score"] != run("trial", **ask)["score"]
    assert part["score"] > 0.3


@pytest.mark.parametrize("task", TASKS)
def test_a_version_is_scored_as_its_training_was_and_carries_its_score(datasets, models, mlflow_uri, task):
    import mlflow

    result = run(
        "evaluate",
        datasetDir=str(datasets[task]),
        trackingUri=mlflow_uri,
        models=[{"id": name, "uri": f"models:/Of{task}/1"} for name in ("a", "b")],
        bootstrap={"samples": 50, "confidences": {f"test_{SCORES[task][0]}": 0.9}},
    )
    first = f"test_{SCORES[task][0]}"
    assert result["primary"] == first
    assert result["models"]["a"] == pytest.approx(
        {name: models[task]["metrics"][name] for name in result["models"]["a"]}, abs=1e-9
    )
    assert result["differences"][first]["difference"] == result["differences"][first]["low"] == 0
    assert result["floors"]["a"]["low"] > result["floors"]["a"]["trivial"]
    version = mlflow.MlflowClient(mlflow_uri, mlflow_uri).get_model_version(f"Of{task}", "1")
    assert float(version.tags[first]) == pytest.approx(models[task]["metrics"][first], abs=1e-6)
    assert "threshold" not in models[task]["metrics"]


def test_a_version_of_another_kind_or_of_other_classes_is_not_scored(datasets, models, mlflow_uri, tmp_path):
    values = {"trackingUri": mlflow_uri}
    with pytest.raises(ModelMismatch, match="another kind: regression, not multiclass"):
        models_of = [{"id": "1", "uri": "models:/Ofregression/1"}]
        run("evaluate", datasetDir=str(datasets["multiclass"]), models=models_of, **values)
    frame = pd.read_csv(datasets["multiclass"].parent / "data.csv")
    frame["amount"] = frame["amount"].replace("some", "medium")
    frame.to_csv(tmp_path / "data.csv", index=False)
    run("prepare", dataPath=str(tmp_path / "data.csv"), outputDir=str(tmp_path / "o"), target="amount", group=None)
    with pytest.raises(ModelMismatch, match="other classes"):
        models_of = [{"id": "1", "uri": "models:/Ofmulticlass/1"}]
        run("evaluate", datasetDir=str(tmp_path / "o"), models=models_of, **values)


def test_a_bootstrap_names_the_metrics_of_the_task(datasets, models, mlflow_uri):
    both = [{"id": name, "uri": "models:/Ofregression/1"} for name in ("a", "b")]
    with pytest.raises(InvalidInput, match=r"knows test_r2, test_rmse.*not test_auc"):
        run(
            "evaluate",
            datasetDir=str(datasets["regression"]),
            trackingUri=mlflow_uri,
            models=both,
            bootstrap={"confidences": {"test_auc": 0.9}},
        )


@pytest.mark.parametrize("task", TASKS)
def test_the_api_answers_and_logs_what_is_predicted(datasets, models, mlflow_uri, tmp_path, task, monkeypatch):
    import mlflow

    mlflow.set_tracking_uri(mlflow_uri)
    served = describe(mlflow.sklearn.load_model(f"models:/Of{task}/1"), "1", None, None)
    monkeypatch.setattr("mediwatch_training.serving.api.load_served_model", lambda settings: served)
    api = Service(Settings.from_environment({"PRED_LOG_DIR": str(tmp_path)}))
    api._load()
    records = open_dataset(str(datasets[task])).test_records.head(3)
    body = json.dumps({"records": json.loads(records.to_json(orient="records"))}).encode()
    answer = json.loads(asyncio.run(api.predict(Asked(body, verify=False))))
    assert answer["model_version"] == "1" and "threshold" not in answer and "warnings" not in answer
    given: Any = answer["predictions"]
    log = pd.read_csv(tmp_path / "predictions.csv")
    if task == "regression":
        np.testing.assert_allclose([one["prediction"] for one in given], served.pipeline.predict(records))
        assert log["prediction"].tolist() == [one["prediction"] for one in given] and "prob" not in log
        return
    for one in given:
        assert list(one["probabilities"]) == ["little", "much", "some"]
        assert sum(one["probabilities"].values()) == pytest.approx(1)
        assert one["prediction"] == max(one["probabilities"], key=one["probabilities"].get)
    assert log["pred"].tolist() == [one["prediction"] for one in given]
    assert log["prob"].tolist() == pytest.approx([max(one["probabilities"].values()) for one in given])


@pytest.mark.parametrize("task", TASKS)
def test_the_training_data_have_their_outcomes_as_a_log_of_labels_would(datasets, task):
    outcomes = training_sample(str(datasets[task]), 50, "label")["label"]
    assert set(outcomes) <= {"little", "some", "much"} if task == "multiclass" else outcomes.dtype == float


@pytest.mark.parametrize("task", TASKS)
def test_the_report_shows_what_applies_and_nothing_else(datasets, models, mlflow_uri, task):
    import mlflow

    client = mlflow.MlflowClient(mlflow_uri, mlflow_uri)
    run_id = client.create_run(client.get_experiment_by_name("mediwatch").experiment_id).info.run_id
    version = {"version": "1", "uri": f"models:/Of{task}/1", "metrics": models[task]["metrics"]}
    result = run(
        "report",
        trackingUri=mlflow_uri,
        runId=run_id,
        registeredModel="Sizes",
        datasetDir=str(datasets[task]),
        challenger={**version, "version": "2", "model": "hgb"},
        champion=version,
    )
    page = Path(client.download_artifacts(run_id, "report/report.html")).read_text(encoding="utf-8")
    values = json.loads(Path(client.download_artifacts(run_id, "report/report.json")).read_text(encoding="utf-8"))
    own, other = ("classes", "errors") if task == "multiclass" else ("errors", "classes")
    sections = re.findall(r'<section id="([^"]+)"', page)
    assert own in sections and not {other, "curves", "calibration", "decisions"} & set(sections)
    assert all(values[name] is None for name in (other, "curves", "calibration", "distribution", "decisions"))
    assert list(values["comparison"]["scores"]) == list(SCORES[task])
    for name, score in values["comparison"]["scores"].items():
        assert score["challenger"]["low"] <= score["challenger"]["value"] <= score["challenger"]["high"], name
        assert score["challenger"]["value"] == pytest.approx(models[task]["metrics"][f"test_{name}"], abs=1e-9)
    assert values["importance"]["columns"][0]["name"] == "size"
    text = " ".join(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
    assert not re.search(r"positive|threshold|alert|undefined", text)
    called = "AUC by class" if task == "multiclass" else "R²"
    assert f"Version 2 of Sizes has a test {called} of" in result["summary"] and called in text
    if task == "multiclass":
        counts = np.array(values["classes"]["models"]["challenger"]["counts"])
        assert counts.shape == (3, 3) and counts.sum() == values["rows"]
        assert counts.trace() / counts.sum() == pytest.approx(
            values["comparison"]["scores"]["accuracy"]["challenger"]["value"]
        )
    else:
        assert sum(values["errors"]["models"]["challenger"]["shares"]) == pytest.approx(1)
