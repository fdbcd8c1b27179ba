"""The numbers of the report: scores, intervals, groups, trials."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from mediwatch_training.checks import check_input
from mediwatch_training.report.inputs import Search, read_request
from mediwatch_training.report.values.findings import findings
from mediwatch_training.report.values.importance import importance
from mediwatch_training.report.values.performance import (
    at_threshold,
    comparison,
    curves,
    observed_to_expected,
    of_probabilities,
    verdict,
    wilson,
)
from mediwatch_training.report.values.scoring import HeldOut, Scored, ScoredModel
from mediwatch_training.report.values.search import search
from mediwatch_training.report.values.subgroups import subgroups
from mediwatch_training.training.scores import SCORES, interval, resamples, scores, weighted_scores

SEEDS = range(5)
REQUEST = read_request(
    check_input(
        "report", {"trackingUri": "http://x", "runId": "r", "challenger": {"version": "2", "uri": "models:/x/2"}}
    )
)


def example(seed: int, rows: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities with many ties that know something of them."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < 0.2).astype(np.int64)
    return labels, np.clip(np.round(0.2 + 0.1 * labels + random.normal(0, 0.12, rows), 2), 0.0, 1.0)


class InProcess:
    """A model in this process, as the one of another process answers."""

    def __init__(self, predictor: Any, records: pd.DataFrame) -> None:
        self._predictor, self._records = predictor, records
        self.columns = list(predictor.feature_names_in_)

    def predictions(
        self, rows: np.ndarray | None = None, swapped: tuple[str, np.ndarray] | None = None
    ) -> tuple[np.ndarray, float]:
        asked = self._records if rows is None else self._records.iloc[rows].reset_index(drop=True)
        if swapped is not None:
            column, donors = swapped
            asked = asked.assign(**{column: self._records[column].iloc[donors].to_numpy()})
        return self._predictor.predict_proba(asked)[:, 1], 0.001


def model(probabilities: np.ndarray, loaded: object = None, threshold: float = 0.25) -> ScoredModel:
    return ScoredModel("version 2", loaded, probabilities, threshold, False, None)


def scored(
    labels: np.ndarray, challenger: ScoredModel, champion: ScoredModel | None = None, records: object = None
) -> Scored:
    return Scored(HeldOut(records, labels), challenger, champion)


@pytest.mark.parametrize("seed", SEEDS)
def test_weighted_scores_are_those_of_the_repeated_rows(seed):
    labels, probabilities = example(seed)
    for weights in resamples(len(labels), 3, seed):
        found = weighted_scores("binary", labels, probabilities, 0.25).of(weights)
        for row, values in zip(weights, found, strict=True):
            expected = scores("binary", np.repeat(labels, row), np.repeat(probabilities, row), 0.25)
            np.testing.assert_allclose(values, [expected[name] for name in SCORES["binary"]], rtol=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_intervals_hold_the_estimate_and_differences_are_antisymmetric(seed):
    labels, one = example(seed)
    _, noise = example(seed + 100)
    other = np.clip((one + noise) / 2, 0, 1)
    there = comparison(scored(labels, model(one), model(other)), REQUEST)["scores"]
    back = comparison(scored(labels, model(other), model(one)), REQUEST)["scores"]
    opposite = {"better": "worse", "worse": "better", "unclear": "unclear"}
    for name in SCORES["binary"]:
        for part in ("challenger", "champion", "difference"):
            assert there[name][part]["low"] <= there[name][part]["value"] <= there[name][part]["high"]
        assert there[name]["difference"]["value"] == pytest.approx(-back[name]["difference"]["value"])
        assert there[name]["difference"]["low"] == pytest.approx(-back[name]["difference"]["high"])
        assert there[name]["verdict"] == opposite[back[name]["verdict"]]


def test_a_model_does_not_differ_from_itself():
    labels, probabilities = example(0)
    for score in comparison(scored(labels, model(probabilities), model(probabilities)), REQUEST)["scores"].values():
        assert score["difference"] == {"value": 0, "low": 0, "high": 0} and score["verdict"] == "unclear"


@pytest.mark.parametrize("rows", [40, 100, 5_000])
def test_curves_enclose_the_area_that_is_told(rows):
    labels, probabilities = example(rows, rows)
    roc = curves(scored(labels, model(probabilities)))["models"]["challenger"]["roc"]
    assert (roc["x"][0], roc["y"][0], roc["x"][-1], roc["y"][-1]) == (0, 0, 1, 1)
    assert len(roc["x"]) <= 200
    assert metrics.auc(roc["x"], roc["y"]) == pytest.approx(metrics.roc_auc_score(labels, probabilities), abs=2e-3)


def test_lower_losses_are_better():
    below = {"value": -0.2, "low": -0.3, "high": -0.1}
    assert verdict("log_loss", below) == "better" and verdict("auc", below) == "worse"
    assert verdict("auc", None) is None


def test_too_few_of_a_class_have_no_interval():
    labels = np.array([1] + [0] * 30)
    drawn = np.concatenate(
        [weighted_scores("binary", labels, np.linspace(0, 1, 31), 0.5).of(w) for w in resamples(31, 200)]
    )
    assert interval(drawn[:, 0]) is None


@pytest.mark.parametrize("hits, rows", [(0, 10), (10, 10), (3, 7), (0, 1), (250, 1000)])
def test_shares_lie_in_their_intervals(hits, rows):
    share = wilson(hits, rows)
    assert 0 <= share["low"] <= share["value"] <= share["high"] <= 1
    assert share["low"] < share["high"]
    assert wilson(0, 0)["value"] is None and observed_to_expected(3, 0.0, 9)["value"] is None


def test_decisions_are_those_of_the_confusion_matrix():
    labels, probabilities = example(3)
    found = at_threshold(labels, probabilities >= 0.25)
    expected = metrics.confusion_matrix(labels, probabilities >= 0.25).ravel().tolist()
    names = ("trueNegatives", "falsePositives", "falseNegatives", "truePositives")
    assert [found[name] for name in names] == expected
    assert found["sensitivity"]["value"] == pytest.approx(metrics.recall_score(labels, probabilities >= 0.25))
    assert found["ppv"]["value"] == pytest.approx(metrics.precision_score(labels, probabilities >= 0.25))


def test_honest_probabilities_are_calibrated_and_doubled_ones_are_not():
    random = np.random.default_rng(0)
    probabilities = random.beta(2, 12, 20_000)
    labels = (random.random(20_000) < probabilities).astype(np.int64)
    honest, doubled = of_probabilities(labels, probabilities), of_probabilities(labels, probabilities * 2)
    assert honest["error"] < 0.01 and honest["ratio"]["low"] < 1 < honest["ratio"]["high"]
    assert doubled["error"] > 0.1 and doubled["ratio"]["high"] < 0.6


class OneColumn:
    """Predicts from the column `read` alone."""

    feature_names_in_ = np.array(["idle", "read"])

    def predict_proba(self, records: pd.DataFrame) -> np.ndarray:
        positive = 1 / (1 + np.exp(-records["read"].fillna(0).to_numpy()))
        return np.column_stack([1 - positive, positive])


def test_only_the_column_that_is_read_is_important():
    random = np.random.default_rng(1)
    records = pd.DataFrame({"read": random.normal(size=600), "idle": random.normal(size=600)})
    records.loc[:20, "read"] = np.nan
    labels = (random.random(600) < 1 / (1 + np.exp(-2 * records["read"].fillna(0)))).to_numpy().astype(np.int64)
    one = OneColumn()
    found = importance(
        scored(labels, model(one.predict_proba(records)[:, 1], InProcess(one, records)), records=records),
        lambda update: None,
    )
    read, idle = found["columns"]
    assert read["name"] == "read" and read["drop"] > 0.1
    assert idle == {"name": "idle", "drop": 0, "spread": 0}


def grouped(columns: dict, rows: int = 3000) -> dict:
    labels, probabilities = example(4, rows)
    return subgroups(scored(labels, model(probabilities), records=pd.DataFrame(columns)))


def test_groups_are_found_by_name_and_missing_values_are_one():
    random = np.random.default_rng(2)
    race = random.choice(["A", "B", "?", None, "Unknown"], 3000)
    found = grouped({"AGE": random.integers(0, 100, 3000), "Sex": ["F", "M"] * 1500, "race": race})
    by_name = {one["name"]: one for one in found["dimensions"]}
    ages = [group["name"] for group in by_name["Age"]["groups"]]
    assert ages[0] == "0 to 17" and ages[-1] == "80 and over"
    assert by_name["Sex"]["column"] == "Sex" and found["absent"] == []
    assert [group["name"] for group in by_name["Race"]["groups"]] == ["A", "B", "Missing or unknown"]
    for dimension in found["dimensions"]:
        assert sum(group["rows"] for group in dimension["groups"]) == 3000


def test_bands_of_the_data_are_kept_in_their_order():
    found = grouped({"age": [f"[{low}-{low + 10})" for low in range(0, 100, 10)] * 300})
    names = [group["name"] for group in found["dimensions"][0]["groups"]]
    assert names[:2] == ["0 to 9", "10 to 19"] and names[-1] == "90 to 99"
    assert found["absent"] == ["Sex", "Race"]


def test_small_groups_are_counted_and_not_judged():
    found = grouped({"gender": ["F"] * 2970 + ["X"] * 30})
    small = found["dimensions"][0]["groups"][1]
    assert small["rows"] == 30 and not small["enough"] and small["scores"] == {} and small["ratio"] is None


def test_many_values_are_gathered_and_no_column_is_said():
    found = grouped({"ethnicity": [f"g{number % 60:02}" for number in range(3000)]})
    assert len(found["dimensions"][0]["groups"]) == 16
    assert "no column" in grouped({"size": range(3000)})["missing"]


def test_a_group_that_does_worse_and_a_poor_calibration_are_told():
    random = np.random.default_rng(5)
    labels = (random.random(4000) < 0.3).astype(np.int64)
    knows = np.arange(4000) < 3000
    probabilities = np.clip(random.normal(0.6 + 0.2 * labels * knows, 0.1), 0, 1)
    records = pd.DataFrame({"gender": np.where(knows, "M", "F")})
    whole = scored(labels, model(probabilities, threshold=0.75), records=records)
    values = {
        "task": "binary",
        "positives": int(labels.sum()),
        "comparison": comparison(whole, REQUEST),
        "challenger": {"threshold": 0.75, "thresholdIsDefault": False},
        "calibration": {"models": {"challenger": of_probabilities(labels, probabilities)}},
        "subgroups": subgroups(whole),
        "search": {"missing": "none"},
    }
    found = {(one["kind"], one.get("group")) for one in findings(values)}
    assert {("groupScore", "F"), ("groupSensitivity", "F"), ("calibration", None)} <= found
    assert ("groupScore", "M") not in found


def test_few_records_alone_are_rarely_taken_for_a_poor_calibration():
    warned = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        probabilities = random.beta(2, 12, 300)
        honest = of_probabilities((random.random(300) < probabilities).astype(np.int64), probabilities)
        assert honest["error"] > 0
        values = {
            "task": "binary",
            "positives": 500,
            "comparison": {"scores": {}, "computed": False},
            "calibration": {"models": {"challenger": honest}},
            "subgroups": {},
            "search": {},
        }
        warned += len(findings(values))
    # An interval of 95 % misses the truth in one of twenty cases.
    assert warned <= 9


def trials_of(count: int) -> list[dict]:
    random = np.random.default_rng(6)
    params = [{"x": float(random.random()), "y": float(random.random()), "kind": "a"} for _ in range(count)]
    return [
        {"number": n, "state": "complete", "params": p, "score": p["x"] + 0.01 * p["y"], "seconds": 1.0, "error": None}
        for n, p in enumerate(params)
    ]


def asked(trials: list[dict], direction: str = "maximize") -> dict:
    return search(Search(trials, "score", direction, None))


def test_the_parameter_that_makes_the_score_is_the_important_one():
    shares = asked(trials_of(40))["importance"]["parameters"]
    assert [one["name"] for one in shares] == ["x", "y"] and shares[0]["share"] > 0.8


def test_the_best_so_far_follows_the_direction():
    trials = trials_of(10)
    scores_ = [trial["score"] for trial in trials]
    assert [one["best"] for one in asked(trials)["history"]] == np.maximum.accumulate(scores_).tolist()
    down = asked(trials, "minimize")
    assert [one["best"] for one in down["history"]] == np.minimum.accumulate(scores_).tolist()
    assert down["best"] == int(np.argmin(scores_))


def test_few_or_equal_trials_are_not_explained():
    assert "3 complete trials" in asked(trials_of(3))["importance"]["missing"]
    same = [{**trial, "score": 0.5} for trial in trials_of(20)]
    assert "same score" in asked(same)["importance"]["missing"]


def test_parameters_of_any_kind_become_axes():
    odd = [{"x": 1}, {"x": None, "y": "text"}, {"y": True, "z": 3}, {"x": 2.5, "list": [1, 2]}]
    trials = [{**trial, "params": params} for trial, params in zip(trials_of(4), odd, strict=True)]
    axes = {axis["name"]: axis for axis in asked(trials)["axes"]}
    assert axes["x"]["kind"] == "number" and axes["x"]["values"] == {"0": 1, "1": None, "3": 2.5}
    assert axes["y"]["kind"] == "category" and axes["y"]["values"] == {"1": "text", "2": "true"}
    assert axes["list"]["values"] == {"3": "[1, 2]"}
