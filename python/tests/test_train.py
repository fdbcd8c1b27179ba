from __future__ import annotations

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import free_port, run

from mediwatch_training.dataset import open_dataset
from mediwatch_training.errors import (
    InvalidInput,
    MlflowLoginRefused,
    MlflowUnavailable,
    ModelLoadFailed,
    ModelMismatch,
)
from mediwatch_training.steps import run_step
from mediwatch_training.tracking import tracking_errors
from mediwatch_training.training.estimators import check_params, fit_final

METRICS = {"test_auc", "test_average_precision", "test_log_loss", "test_brier", "test_f1", "threshold", "train_rows"}


@pytest.fixture
def client(mlflow_uri):
    mlflow.set_tracking_uri(mlflow_uri)
    return mlflow.MlflowClient(mlflow_uri, mlflow_uri)


def new_run(client: mlflow.MlflowClient) -> str:
    return client.create_run(client.get_experiment_by_name("mediwatch").experiment_id).info.run_id


def test_the_run_holds_params_metrics_and_model(trained, client):
    done = client.get_run(trained["runId"])
    assert done.data.metrics.keys() >= METRICS and done.data.params["model"] == "hgb"
    assert done.info.status == "FINISHED"
    assert "model_pipeline.joblib" in {a.path for a in client.list_artifacts(trained["runId"])}
    info = mlflow.models.get_model_info(trained["modelUri"])
    assert info.signature.inputs.has_input_names() and info.saved_input_example_info is not None


def test_the_model_takes_raw_records_whatever_clients_send(trained, sample_dataset, client):
    model = mlflow.sklearn.load_model(trained["modelUri"])
    records = open_dataset(str(sample_dataset)).test_records.head(20)
    expected = model.predict_proba(records)
    as_text = records.astype({"admission_type_id": int, "time_in_hospital": int}).astype(
        {"admission_type_id": str, "time_in_hospital": str}
    )
    np.testing.assert_array_equal(model.predict_proba(as_text), expected)
    odd = records.astype(object)
    odd.loc[:, :] = None
    odd.loc[0, ["age", "diag_1", "admission_type_id", "time_in_hospital"]] = ["[200-210)", 250, "Foo", float("nan")]
    assert np.isfinite(model.predict_proba(odd)).all()
    generic = mlflow.pyfunc.load_model(trained["modelUri"])
    np.testing.assert_allclose(generic.predict(records[generic.metadata.get_input_schema().input_names()]), expected)


def test_the_model_is_made_of_scikit_learn_only(trained):
    model = mlflow.sklearn.load_model(trained["modelUri"])
    for part in (model, model[-1], *(t for _, t, _ in model[0].transformers_ if not isinstance(t, str))):
        assert type(part).__module__.startswith("sklearn.")


def test_repeating_a_completed_step_returns_its_result_and_trains_nothing(sample_dataset, mlflow_uri, trained, client):
    values = {
        "datasetDir": str(sample_dataset),
        "trackingUri": mlflow_uri,
        "runId": new_run(client),
        "params": {"max_iter": 3},
    }
    first = run("train", **values)
    before = client.get_run(first["runId"]).info.end_time
    assert run("train", **values) == first
    assert client.get_run(first["runId"]).info.end_time == before
    other = run("train", **{**values, "params": {"max_iter": 4}})
    assert other["modelId"] != first["modelId"]


def test_what_the_trial_found_saves_the_first_fit_and_changes_nothing(sample_dataset, mlflow_uri):
    values = {"datasetDir": str(sample_dataset), "params": {"learning_rate": 0.2}}
    metrics = run("trial", **values)["metrics"]
    found = {"iterations": metrics["iterations"], "threshold": metrics["threshold"]}
    stages: list[object] = []

    def train(**more: object) -> dict[str, object]:
        stages.clear()
        result = run_step(
            "train", {**values, "trackingUri": mlflow_uri, **more}, lambda update: stages.append(update["stage"])
        )
        return {"metrics": result["metrics"], "threshold": result["threshold"]}

    alone = train()
    assert "finding the threshold" in stages
    assert train(found=found) == alone
    assert "finding the threshold" not in stages


def test_registering_twice_makes_one_version(trained, mlflow_uri):
    again = run(
        "register",
        trackingUri=mlflow_uri,
        name="Sample",
        runId=trained["runId"],
        source=trained["source"],
        modelId=trained["modelId"],
    )
    assert again == {"name": "Sample", "version": trained["registered"]["version"], "created": False}


def test_the_random_forest_baseline_trains_without_a_search_and_both_are_compared(sample_dataset, mlflow_uri, trained):
    forest = run(
        "train-and-register",
        datasetDir=str(sample_dataset),
        trackingUri=mlflow_uri,
        model="rf",
        threads=2,
        register="Sample",
    )
    uris = {"forest": f"models:/Sample/{forest['registered']['version']}", "boosting": "models:/Sample/1"}
    result = run(
        "evaluate",
        datasetDir=str(sample_dataset),
        trackingUri=mlflow_uri,
        models=[{"id": key, "uri": uri} for key, uri in uris.items()],
        bootstrap={"samples": 200, "seed": 1, "confidences": {"test_auc": 0.9, "test_log_loss": 0.9}},
    )
    assert result["models"]["boosting"]["test_auc"] == pytest.approx(trained["metrics"]["test_auc"], abs=1e-9)
    assert result["models"]["forest"]["test_auc"] == pytest.approx(forest["metrics"]["test_auc"], abs=1e-9)
    interval = result["differences"]["test_auc"]
    assert interval["low"] < interval["difference"] < interval["high"]
    difference = result["models"]["forest"]["test_auc"] - result["models"]["boosting"]["test_auc"]
    assert interval["difference"] == pytest.approx(difference)


def test_default_boosting_trains_without_a_search(sample_dataset, mlflow_uri):
    result = run("train", datasetDir=str(sample_dataset), trackingUri=mlflow_uri, params=None, threads=2)
    assert result["metrics"]["test_auc"] > 0.55


def test_a_model_of_other_columns_is_refused_by_name(mlflow_uri, trained, tmp_path):
    frame = pd.DataFrame({"size": np.arange(400) % 7, "outcome": np.arange(400) % 2})
    frame.to_csv(tmp_path / "other.csv", index=False)
    run(
        "prepare",
        dataPath=str(tmp_path / "other.csv"),
        outputDir=str(tmp_path / "o"),
        target="outcome",
        positive="1",
        group=None,
    )
    models = [{"id": "1", "uri": "models:/Sample/1"}]
    with pytest.raises(ModelMismatch, match="race"):
        run("evaluate", datasetDir=str(tmp_path / "o"), trackingUri=mlflow_uri, models=models)


def test_an_absent_model_or_run_is_named(sample_dataset, mlflow_uri):
    values = {"datasetDir": str(sample_dataset), "trackingUri": mlflow_uri}
    with pytest.raises(ModelLoadFailed, match="models:/Sample/999"):
        run("evaluate", **values, models=[{"id": "x", "uri": "models:/Sample/999"}])
    with pytest.raises(InvalidInput, match="0123456789abcdef"):
        run("train", **values, runId="0123456789abcdef0123456789abcdef")


def test_a_server_that_is_down_is_worth_a_retry(sample_dataset):
    uri = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(MlflowUnavailable, match=uri) as caught:
        run("train", datasetDir=str(sample_dataset), trackingUri=uri)
    assert caught.value.to_json()["type"] == "MlflowUnavailable" and caught.value.retryable


def test_threads_do_not_change_a_score(sample_dataset):
    values = {"datasetDir": str(sample_dataset), "params": {"max_iter": 10}}
    assert run("trial", **values, threads=1)["score"] == run("trial", **values, threads=2)["score"]


def test_threads_do_not_change_the_final_model(sample_dataset):
    dataset = open_dataset(str(sample_dataset))
    _, X, y = dataset.refitted_encoder()
    params = check_params("hgb", None)
    one, three = (fit_final(dataset, X, y, "hgb", params, 5, 42, threads).predict_proba(X) for threads in (1, 3))
    np.testing.assert_allclose(one, three, rtol=0, atol=1e-12)


def test_a_server_that_refuses_is_not_asked_again(mlflow_uri):
    from mlflow.exceptions import MlflowException
    from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

    with pytest.raises(MlflowLoginRefused) as caught, tracking_errors(mlflow_uri, "runId"):
        raise MlflowException("not yours", PERMISSION_DENIED)
    assert not caught.value.retryable and caught.value.to_json()["type"] == "MlflowLoginRefused"


def bikes(folder: Path, distance: str) -> str:
    """Prepare 600 rides with columns of all kinds; a distance is written in this way."""
    random = np.random.default_rng(0)
    km, day = random.integers(1, 99, 600), pd.Timestamp("2026-01-05") + pd.to_timedelta(np.arange(600) % 250, unit="D")
    rows = pd.DataFrame({"km": [distance.format(one) for one in km], "day": day.strftime("%d/%m/%Y")})
    rows["paid"] = [f"$1,{one:03}.50" for one in km]
    rows["helmet"] = np.where(random.random(600) > 0.5, "Yes", "No")
    rows["note"] = [" ".join(random.choice(["the", "bell", "chain", "rattles", "again"], 5)) for _ in km]
    rows["late"] = np.where(km + random.normal(0, 20, 600) > 50, "yes", "no")
    folder.mkdir()
    rows.to_csv(folder / "rides.csv", index=False)
    given = {"target": "late", "positive": "yes", "group": None}
    run("prepare", dataPath=str(folder / "rides.csv"), outputDir=str(folder / "o"), **given)
    return str(folder / "o")


def test_a_model_of_dates_money_and_texts_is_scored_but_not_on_columns_that_became_another_kind(mlflow_uri, tmp_path):
    before, after = bikes(tmp_path / "before", "{}"), bikes(tmp_path / "after", "{} km")
    given = {"trackingUri": mlflow_uri, "params": {"max_iter": 20}, "register": "Rides"}
    trained = run("train-and-register", datasetDir=before, **given)
    models = [{"id": "1", "uri": f"models:/Rides/{trained['registered']['version']}"}]
    scored = run("evaluate", datasetDir=before, trackingUri=mlflow_uri, models=models)
    assert scored["models"]["1"]["test_auc"] == trained["metrics"]["test_auc"] > 0.8
    with pytest.raises(ModelMismatch, match=r"held values of another kind than now: km \(numeric\)"):
        run("evaluate", datasetDir=after, trackingUri=mlflow_uri, models=models)
