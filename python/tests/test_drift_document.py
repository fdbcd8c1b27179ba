from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import child_environment, run

from mediwatch_training.drift.document import normalise
from mediwatch_training.drift.evidently_shapes import has_drifted
from mediwatch_training.errors import DataNotFound, DriftReportInvalid

REPORTS = Path(__file__).parent / "fixtures" / "drift"
LEGACY, EARLY, LATE = "evidently-0.4.40", "evidently-0.7.10", "evidently-0.7.23"


def report(name: str) -> dict:
    return json.loads((REPORTS / f"{name}.json").read_text())


def by_name(document: dict) -> dict[str, dict]:
    return {column["name"]: column for column in document["columns"]}


@pytest.mark.parametrize("version", [LEGACY, EARLY, LATE])
def test_every_dialect_tells_drift_from_none(version):
    drift, steady = normalise(report(f"{version}-drift")), normalise(report(f"{version}-steady"))
    assert (drift["datasetDrift"], drift["driftedColumns"], drift["shareThreshold"]) == (True, 4, 0.6)
    assert drift["share"] == pytest.approx(2 / 3)
    assert steady["datasetDrift"] is False and steady["driftedColumns"] <= 1
    assert drift["current"]["rows"] == 200 and drift["key"] != steady["key"]


@pytest.mark.parametrize("version", [LEGACY, f"{LEGACY}-preset", LATE])
def test_columns_say_whether_they_drifted(version):
    columns = by_name(normalise(report(f"{version}-drift")))
    assert [name for name, column in sorted(columns.items()) if column["drifted"]] == ["age", "dose", "prob", "ward"]
    assert columns["age"]["method"] == "K-S p_value" and columns["age"]["threshold"] == 0.05
    assert columns["prob"]["role"] == "prediction" and columns["label"]["role"] == "target"


def test_a_dialect_without_methods_leaves_columns_undecided():
    assert {column["drifted"] for column in normalise(report(f"{EARLY}-drift"))["columns"]} == {None}


def test_the_table_alone_is_judged_by_its_share_and_not_by_its_flag():
    table = {"number_of_columns": 4, "number_of_drifted_columns": 1, "dataset_drift": True, "drift_by_columns": {}}
    document = normalise({"metrics": [{"metric": "DataDriftTable", "result": table}]})
    assert (document["share"], document["datasetDrift"]) == (0.25, False)


def test_a_report_that_compared_no_column_says_nothing():
    result = {"number_of_columns": 0, "number_of_drifted_columns": 0, "share_of_drifted_columns": 0.0}
    dataset = {"drift_share": 0.5, "dataset_drift": False, **result}
    document = normalise({"metrics": [{"metric": "DatasetDriftMetric", "result": dataset}]})
    assert (document["datasetDrift"], document["share"], document["driftedColumns"]) == (None, None, None)


def test_the_roles_of_the_column_mapping_are_taken():
    values = report(f"{LEGACY}-drift")
    for item in values["metrics"]:
        if item["metric"] == "DatasetSummaryMetric":
            item["result"]["current"] |= {"prediction": "dose", "target": "stay"}
    columns = by_name(normalise(values))
    assert (columns["dose"]["role"], columns["stay"]["role"], columns["prob"]["role"]) == (
        "prediction",
        "target",
        "feature",
    )


def test_names_may_carry_parameters_and_commas():
    name = "ValueDrift(column=dose, mg=5,method=Wasserstein distance (normed),threshold=0.1)"
    (column,) = normalise({"metrics": [{"id": "1", "metric_id": name, "value": 0.2}]})["columns"]
    assert (column["name"], column["method"]) == ("dose, mg=5", "Wasserstein distance (normed)")
    assert column["threshold"] == 0.1 and column["drifted"] is True


def test_columns_alone_give_a_share_but_no_verdict_of_the_data_set():
    names = ("ValueDrift(column=a,method=psi,threshold=0.1)", "ValueDrift(column=b,method=psi,threshold=0.1)")
    values = [{"id": name, "metric_name": name, "value": score} for name, score in zip(names, (0.5, 0), strict=True)]
    document = normalise({"metrics": values})
    assert (document["driftedColumns"], document["share"], document["datasetDrift"]) == (1, 0.5, None)


def test_not_a_number_is_no_score():
    name = "ValueDrift(column=a,method=psi,threshold=0.1)"
    document = normalise(json.loads(json.dumps({"metrics": [{"metric_name": name, "value": float("nan")}]})))
    assert document["columns"][0]["score"] is None and document["columns"][0]["drifted"] is None


@pytest.mark.parametrize(
    ("method", "low", "high"),
    [
        *[
            (name, True, False)
            for name in ("K-S p_value", "chi-square p_value", "Z-test p_value", "ks", "TVD", "mannw")
        ],
        *[(name, True, False) for name in ("empirical_mmd", "anderson", "Fisher's Exact test", "t_test")],
        *[(name, False, True) for name in ("psi", "PSI", "Wasserstein distance (normed)", "jensenshannon", "kl_div")],
        *[(name, False, True) for name in ("Hellinger distance", "Energy-distance", "ed")],
        ("custom function 'mine'", None, None),
        (None, None, None),
    ],
)
def test_p_values_drift_below_and_distances_above_the_threshold(method, low, high):
    assert has_drifted(method, 0.01, 0.1) is low and has_drifted(method, 0.9, 0.1) is high


def test_the_key_is_of_the_content_and_not_of_the_time():
    values = report(f"{LEGACY}-drift")
    assert normalise(values)["key"] == normalise({**values, "timestamp": "later"})["key"]
    values["metrics"][0]["result"]["number_of_drifted_columns"] = 5
    assert normalise(values)["key"] != normalise(report(f"{LEGACY}-drift"))["key"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "a JSON list"),
        ({}, "no list of metrics but nothing"),
        ({"tests": [], "summary": {}}, "no list of metrics but tests, summary"),
        ({"metrics": []}, "it holds no metrics"),
        ({"metrics": {"age": 1}}, "no list of metrics"),
        ({"metrics": [{"metric": "DataQualityPreset", "result": {}}]}, "it holds DataQualityPreset"),
        ({"metrics": [{"id": "1", "metric_name": "RowCount()", "value": 3}]}, "it holds RowCount"),
        ({"metrics": [{"metric": "DatasetDriftMetric", "result": {"number_of_columns": 2}}] * 2}, "2 results"),
        ({"schema": "mediwatch.drift/9"}, "expected mediwatch.drift/1"),
        ({"schema": "mediwatch.drift/1", "key": "k", "tool": "t", "columns": [{"name": "a"}]}, "has columns"),
    ],
)
def test_what_is_not_known_is_refused_and_said(values, said):
    with pytest.raises(DriftReportInvalid, match=said):
        normalise(values)


def test_our_own_document_passes_through():
    document = normalise(report(f"{LATE}-drift"))
    assert normalise(json.loads(json.dumps(document))) == document


def test_the_step_reads_a_file_and_tells_one_that_is_not_there(tmp_path):
    path = REPORTS / f"{LATE}-drift.json"
    assert run("drift-document", report=str(path)) == normalise(report(f"{LATE}-drift"))
    with pytest.raises(DataNotFound):
        run("drift-document", report=str(tmp_path / "none.json"))
    (tmp_path / "half.json").write_text('{"metrics": [')
    with pytest.raises(DriftReportInvalid, match="not JSON"):
        run("drift-document", report=str(tmp_path / "half.json"))


def test_the_command_needs_no_package_at_all():
    # -S: without the site's packages.
    command = [sys.executable, "-S", "-m", "mediwatch_training", "drift-document", "--report", "-"]
    text = (REPORTS / f"{LATE}-drift.json").read_text()
    done = subprocess.run(command, input=text, env=child_environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == normalise(report(f"{LATE}-drift"))
    refused = subprocess.run(command, input="{}", env=child_environment(), capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and refused.stderr.startswith("drift-document: The report has no list of metrics")


@pytest.mark.parametrize("share", [-0.1, 1.5, 30])
def test_a_share_of_our_own_document_is_from_0_to_1(share):
    with pytest.raises(DriftReportInvalid, match="has share"):
        normalise({"schema": "mediwatch.drift/1", "key": "k", "tool": "t", "columns": [], "share": share})


@pytest.mark.parametrize(
    ("empty", "note"),
    [
        ({"metrics": [], "note": "6 rows, 50 are needed"}, "6 rows, 50 are needed"),
        ({"metrics": [], "message": " too\n\x1b[1m few "}, "too [1m few"),
        ({"skipped": "no rides this week"}, "no rides this week"),
    ],
)
def test_an_empty_report_says_why(empty, note):
    document = normalise(empty)
    assert (document["note"], document["columns"], document["datasetDrift"]) == (note, [], None)


@pytest.mark.parametrize(
    "report", [{"metrics": []}, {"message": "internal error"}, {"metrics": [{"metric": "x"}], "note": "y"}]
)
def test_what_is_not_an_empty_report_is_not_taken_for_one(report):
    with pytest.raises(DriftReportInvalid):
        normalise(report)
