"""The step `report`: what it logs, what it says when parts are missing, and what it does when called again."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import run

from mediwatch_training.checks import check_input
from mediwatch_training.errors import DataNotFound, InvalidInput
from mediwatch_training.jsonio import to_json
from mediwatch_training.report.inputs import read_request
from mediwatch_training.report.page import draw
from mediwatch_training.report.values import compute
from mediwatch_training.steps import ignore_progress, run_step

TRIALS = [
    {"number": 0, "params": {"max_depth": 3, "booster": "a"}, "state": "complete", "score": 0.61, "seconds": 2.5},
    {"number": 1, "params": {"max_depth": 5}, "state": "failed", "error": "Out of memory"},
    {"number": 2, "params": {"max_depth": None, "booster": "b"}, "state": "complete", "score": 0.63},
    {"number": 3, "params": {"max_depth": 4}, "state": "running"},
]
LINEAGE = {
    "workflowId": "retrain-1",
    "workflowUrl": "http://127.0.0.1:8233/namespaces/default/workflows/retrain-1",
    "trigger": "manual",
    "startedAt": "2026-11-24T20:00:12.000Z",
    "data": "postgres://steward:secret@db/patients",
    "datasetSha256": "ab" * 32,
    "seed": 42,
    "codeRevision": "0ab9e35d6ca7",
    "release": "0.2.0",
    "driftReport": None,
}
OUTCOME = {"stage": "Production", "promoted": True, "reason": "it is better", "approvedBy": "ada", "deployed": True}
SECTIONS = (
    "summary",
    "comparison",
    "curves",
    "calibration",
    "decisions",
    "importance",
    "subgroups",
    "search",
    "data",
    "lineage",
)


@pytest.fixture(scope="module")
def champion(sample_dataset: Path, mlflow_uri: str, trained: dict[str, Any]) -> dict[str, Any]:
    """A random forest as the version in use."""
    return run(
        "train-and-register",
        datasetDir=str(sample_dataset),
        trackingUri=mlflow_uri,
        model="rf",
        params={"n_estimators": 20},
        threads=2,
        register="ReportChampion",
    )


@pytest.fixture(scope="module")
def request_of(
    sample_dataset: Path, mlflow_uri: str, trained: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
):
    """Makes the input of a report about the trained sample model, to be logged to a run of its own."""

    def make(**changed: Any) -> dict[str, Any]:
        client = mlflow.MlflowClient(mlflow_uri, mlflow_uri)
        experiment = client.get_experiment_by_name("mediwatch").experiment_id
        challenger = {
            "version": "1",
            "uri": "models:/Sample/1",
            "metrics": {**trained["metrics"], "test_nothing": None},
            "model": "hgb",
            "params": trained["params"],
        }
        return {
            "trackingUri": mlflow_uri,
            "runId": client.create_run(experiment).info.run_id,
            "workDir": str(tmp_path_factory.mktemp("work")),
            "threads": 1,
            "registeredModel": "Sample",
            "datasetDir": str(sample_dataset),
            "scored": True,
            "challenger": challenger,
            "champion": None,
            "search": {"trials": TRIALS, "metric": "validation AUC", "direction": "maximize", "space": None},
            "lineage": LINEAGE,
            "outcome": None,
            **changed,
        }

    return make


@pytest.fixture(scope="module")
def first(request_of) -> tuple[dict[str, Any], Any]:
    """The report of a first version, with its request."""
    request = request_of()
    return request, written(request)


def written(request: dict[str, Any]) -> tuple[dict[str, Any], str, dict[str, Any], list[str]]:
    """Run the step; return its result, the page, the values, and the stages it told."""
    stages: list[str] = []
    result = run_step("report", request, lambda update: stages.append(update["stage"]))
    client = mlflow.MlflowClient(request["trackingUri"], request["trackingUri"])

    def text(path: str) -> str:
        return Path(client.download_artifacts(request["runId"], path)).read_text(encoding="utf-8")

    values = json.loads(text("report/report.json"), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    return result, text("report/report.html"), values, stages


def plain(page: str) -> str:
    """The page's text in one line."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_the_page_compares_both_versions_on_the_same_records(request_of, champion):
    version = {"version": champion["registered"]["version"], "metrics": champion["metrics"]}
    request = request_of(champion={**version, "uri": f"models:/ReportChampion/{version['version']}"})
    result, page, values, _ = written(request)
    assert result["reportUri"] == f"runs:/{request['runId']}/report/report.html"
    assert result["dataUri"] == f"runs:/{request['runId']}/report/report.json"
    auc = values["comparison"]["scores"]["auc"]
    assert auc["challenger"]["value"] == pytest.approx(request["challenger"]["metrics"]["test_auc"], abs=1e-9)
    assert auc["champion"]["value"] == pytest.approx(champion["metrics"]["test_auc"], abs=1e-9)
    f1 = values["comparison"]["scores"]["f1"]
    assert f1["challenger"]["value"] == pytest.approx(request["challenger"]["metrics"]["test_f1"])
    for score in values["comparison"]["scores"].values():
        difference = score["challenger"]["value"] - score["champion"]["value"]
        assert score["difference"]["value"] == pytest.approx(difference)
        for part in ("challenger", "champion", "difference"):
            assert score[part]["low"] <= score[part]["value"] <= score[part]["high"]
    for section in SECTIONS:
        assert f'<section id="{section}"' in page
    assert page.count("<svg") >= 10 and len(page) < 1_000_000
    assert f"Version 1 of Sample has a test AUC of {auc['challenger']['value']:.3f}" in result["summary"]
    assert result["summary"].endswith(": undecided.")


def test_the_page_needs_nothing_else_and_runs_nothing(first):
    page = first[1][1]
    assert not re.search(r"<script|<link[^>]+href=\"(?!data:)|@import|src=|url\(http", page)


def test_ids_are_unique_and_references_lead_somewhere(first):
    page = first[1][1]
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    references = re.findall(r'(?:url\(#|href="#)([^)"]+)', page)
    references += [one for names in re.findall(r'aria-labelledby="([^"]+)"', page) for one in names.split()]
    assert set(references) <= set(ids)


def test_another_outcome_is_drawn_from_the_values_that_are_there(first):
    request, (_, page, values, stages) = first
    assert {"scoring", "bootstrap", "importance"} <= set(stages) and "Undecided" in page
    decided, page_after, values_after, stages_after = written({**request, "outcome": OUTCOME})
    assert stages_after == ["drawing", "logging"]
    assert values_after == values
    assert decided["summary"].endswith(": promoted to Production.")
    assert "It is better. Approved by ada. The API answers with it." in plain(page_after)


def test_other_inputs_are_computed_anew(request_of):
    request = request_of(scored=False)
    written(request)
    _, page, _, stages = written({**request, "lineage": {**LINEAGE, "trigger": "drift alert"}})
    assert stages != ["drawing", "logging"] and "drift alert" in page


def test_the_same_input_gives_the_same_bytes(first):
    request, (_, page, values, _) = first
    experiment = values["lineage"]["runUrl"].split("/experiments/")[1].split("/")[0]
    again = compute(
        replace(read_request(check_input("report", request)), threads=2), experiment, values["key"], ignore_progress
    )
    assert json.loads(to_json(again)) == values
    assert draw(again, None)[0] == page


def test_a_first_version_has_nothing_to_be_compared_with(first):
    _, page, values, _ = first[1]
    assert values["champion"] is None
    assert all(score["difference"] is None for score in values["comparison"]["scores"].values())
    assert "There was no champion" in page and "no model in use to compare it with" in page


def test_a_champion_that_cannot_be_loaded_is_named_and_the_rest_is_there(request_of):
    lost = {"version": "7", "uri": "models:/Sample/999", "metrics": {"test_auc": 0.6}}
    result, page, values, _ = written(request_of(champion=lost))
    assert "models:/Sample/999" in values["comparison"]["missing"]
    assert "could not be scored" in page and "Traceback" not in page
    assert values["comparison"]["computed"] and list(values["curves"]["models"]) == ["challenger"]
    assert "against version" not in result["summary"]


def test_a_champion_of_another_split_is_not_scored_on_rows_that_it_may_know(request_of, champion):
    version = champion["registered"]["version"]
    why = "It was trained on another split of the data (seed 7; here: seed 42), so it may know these test rows."
    known = {"version": version, "uri": f"models:/ReportChampion/{version}", "metrics": champion["metrics"]}
    _, page, values, _ = written(request_of(champion={**known, "objection": why}))
    assert values["comparison"]["missing"] == why and why in plain(page)
    assert values["comparison"]["scores"]["auc"]["difference"] is None
    assert list(values["curves"]["models"]) == ["challenger"]


def test_models_that_are_not_scored_are_compared_by_what_was_recorded(request_of):
    champion = {"version": "2", "uri": "models:/x/2", "metrics": {"test_auc": 0.6, "ppv_at_10": 0.2}}
    result, page, values, stages = written(request_of(scored=False, champion=champion))
    assert "scoring" not in stages
    scores = values["comparison"]["scores"]
    assert scores["test_auc"]["champion"] == {"value": 0.6, "low": None, "high": None}
    assert "threshold" not in scores and "lower is better" in page
    assert scores["test_auc"]["verdict"] is None and scores["ppv_at_10"]["challenger"] is None
    for section in ("curves", "calibration", "distribution", "decisions", "importance", "subgroups"):
        assert "only recorded metrics are known" in values[section]["missing"]
    assert "how sure this is cannot be told" in plain(page) and "against version 2" in result["summary"]


def test_recorded_scores_of_other_data_are_shown_without_a_difference(request_of):
    why = "The trainings scored the two versions on different data: they are not comparable."
    other = {"version": "2", "uri": "models:/x/2", "metrics": {"test_auc": 0.6}, "objection": why}
    result, page, values, _ = written(request_of(scored=False, champion=other))
    auc = values["comparison"]["scores"]["test_auc"]
    assert auc["champion"]["value"] == 0.6 and auc["difference"] is None
    assert why in plain(page) and "against version 2" not in result["summary"]


def test_without_a_dataset_the_page_says_what_is_not_known(request_of):
    _, page, values, _ = written(request_of(datasetDir=None))
    assert values["profile"]["missing"] and values["target"] is None
    assert "data set that a command prepared" in plain(page)


def test_a_dataset_of_another_form_is_one_that_is_not_known(request_of, tmp_path):
    _, _, values, _ = written(request_of(datasetDir=str(tmp_path), scored=False))
    assert values["profile"]["missing"]
    with pytest.raises(DataNotFound):
        run("report", **request_of(datasetDir=str(tmp_path)))


def test_the_least_input_gives_a_page(mlflow_uri, request_of):
    run_id = request_of()["runId"]
    challenger = {"version": "9", "uri": "models:/x/9"}
    result, page, values, _ = written({"trackingUri": mlflow_uri, "runId": run_id, "challenger": challenger})
    assert result["summary"] == "Version 9 of model: undecided."
    assert "No search was made" in page and "No scores were recorded" in page and "not known" in page
    assert values["search"]["missing"]


def test_passwords_in_addresses_are_not_passed_on(request_of):
    _, page, values, _ = written(request_of(scored=False))
    assert "postgres://db/patients" in page
    assert "secret" not in page + json.dumps(values)


def test_a_wrong_field_or_run_is_named(request_of, mlflow_uri):
    with pytest.raises(InvalidInput, match="challenger"):
        run("report", **request_of(challenger=None))
    with pytest.raises(InvalidInput, match="stage"):
        run("report", **request_of(outcome={**OUTCOME, "stage": "Nowhere"}))
    with pytest.raises(InvalidInput, match="0123456789abcdef"):
        run("report", **request_of(scored=False, runId="0123456789abcdef0123456789abcdef"))
