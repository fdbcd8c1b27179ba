from __future__ import annotations

import subprocess
import sys

import pytest
from conftest import child_environment, run

from mediwatch_training.errors import InvalidInput
from mediwatch_training.training.estimators import check_params
from mediwatch_training.training.suggest import BUNDLED


def completed(count: int) -> list[dict]:
    trials: list[dict] = []
    for number in range(count):
        params = run("suggest", seed=1, trials=trials)["params"][0]
        score = 0.7 - abs(params["learning_rate"] - 0.1)
        trials.append({"number": number, "params": params, "state": "complete", "score": score})
    return trials


@pytest.mark.parametrize("sampler", ["tpe", "random"])
@pytest.mark.parametrize("model", ["hgb", "rf"])
def test_proposals_lie_in_the_space(model, sampler):
    for params in run("suggest", model=model, sampler=sampler, seed=3, count=20)["params"]:
        assert params.keys() == BUNDLED[model].keys()
        for name, value in params.items():
            assert BUNDLED[model][name]["low"] <= value <= BUNDLED[model][name]["high"]


def test_the_same_trials_and_seed_give_the_same_proposals():
    trials = completed(8)
    shuffled = list(reversed(trials))
    assert run("suggest", seed=1, count=3, trials=trials) == run("suggest", seed=1, count=3, trials=shuffled)
    assert run("suggest", seed=2, count=3, trials=trials) != run("suggest", seed=1, count=3, trials=trials)


def test_a_score_that_is_minimized_draws_proposals_to_its_lowest():
    space = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    trials: list[dict] = []
    for number in range(30):
        params = run("suggest", seed=1, trials=trials, space=space, direction="minimize")["params"][0]
        trials.append({"number": number, "params": params, "state": "complete", "score": params["x"]})
    late = [trial["params"]["x"] for trial in trials[15:]]
    assert sum(late) / len(late) < 0.3


def test_known_parameters_come_first_where_the_space_holds_them():
    space = {
        "x": {"type": "float", "low": 0.0, "high": 1.0},
        "n": {"type": "int", "low": 1, "high": 9},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
    }
    known = [{"x": 0.25, "n": 3, "kind": "b", "seed": 7}, {"x": 1, "n": 9, "kind": "a"}]
    outside = [
        {"x": 2.0, "n": 3, "kind": "a"},
        {"x": 0.5, "n": 3, "kind": "c"},
        {"x": 0.5, "n": 3},
        {"x": "fast", "n": 3, "kind": "a"},
    ]
    proposed = run("suggest", space=space, count=3, first=[known[0], *outside, known[1]])["params"]
    assert proposed[:2] == [{"x": 0.25, "n": 3, "kind": "b"}, {"x": 1.0, "n": 9, "kind": "a"}]
    assert proposed[2] not in proposed[:2]


def test_no_proposal_repeats_an_earlier_one():
    seen = [tuple(trial["params"].items()) for trial in completed(12)]
    assert len(set(seen)) == len(seen)


def test_failed_and_running_trials_are_accepted():
    trials = completed(7)
    trials.append({"number": 7, "params": trials[0]["params"], "state": "failed"})
    trials.append({"number": 8, "params": trials[1]["params"], "state": "running"})
    assert len(run("suggest", trials=trials, count=2)["params"]) == 2


def test_a_space_of_ones_own_is_used():
    space = {
        "depth": {"type": "int", "low": 2, "high": 10, "step": 2},
        "rate": {"type": "float", "low": 0.01, "high": 1, "log": True},
        "kind": {"type": "categorical", "choices": ["a", "b"]},
    }
    for params in run("suggest", space=space, count=10)["params"]:
        assert params["depth"] in (2, 4, 6, 8, 10) and 0.01 <= params["rate"] <= 1 and params["kind"] in ("a", "b")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"count": 0}, "count"),
        ({"sampler": "grid"}, "sampler"),
        ({"model": "svm"}, "model"),
        ({"space": {"a": {"type": "float", "low": 2, "high": 1}}}, "space.a"),
        ({"space": {"a": {"type": "float", "low": 0, "high": 1, "log": True}}}, "space.a"),
        ({"space": {"a": {"type": "categorical", "choices": []}}}, "space.a"),
        ({"trials": [{"number": 0, "params": {}, "state": "complete"}]}, "trials"),
        ({"trials": [{"number": 0, "params": {}, "state": "lost"}]}, "trials"),
        ({"trials": "none"}, "trials"),
    ],
)
def test_a_wrong_field_is_named(values, field):
    with pytest.raises(InvalidInput) as caught:
        run("suggest", **values)
    assert caught.value.field == field


def test_suggesting_imports_neither_sklearn_nor_mlflow():
    code = (
        "import sys; from mediwatch_training.steps import run_step; run_step('suggest', {}, print);"
        "sys.exit(bool({'sklearn', 'mlflow'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], env=child_environment(), check=False).returncode == 0


@pytest.mark.parametrize(
    ("model", "rows", "most"), [("hgb", 60, 3), ("hgb", 10, 1), ("rf", 400, 20), ("hgb", 70_000, 400)]
)
def test_leaves_are_no_larger_than_few_rows_allow(model, rows, most):
    proposals = run("suggest", model=model, rows=rows, count=20)["params"]
    assert max(params["min_samples_leaf"] for params in proposals) <= most
    assert check_params(model, None, rows=rows)["min_samples_leaf"] <= most
