from __future__ import annotations

import random

import optuna
import pytest
from conftest import run

from mediwatch_training.errors import InvalidInput

optuna.logging.set_verbosity(optuna.logging.ERROR)

STEPS = (1, 3, 9)
PRUNERS = {
    "median": optuna.pruners.MedianPruner,
    "asha": lambda: optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3),
    "hyperband": lambda: optuna.pruners.HyperbandPruner(max_resource=10, reduction_factor=3),
}


def decided_by_optuna(pruner: str, direction: str, scores: list[list[float]]) -> list[int]:
    """Return how many reports each trial made before it was pruned or complete, in one process of Optuna."""
    study = optuna.create_study(study_name="search", direction=direction, pruner=PRUNERS[pruner]())
    made = []
    for values in scores:
        trial = study.ask()
        for step, value in zip(STEPS, values, strict=True):
            trial.report(value, step)
            # The last score is the trial's result, and pruned by nobody.
            if step != STEPS[-1] and trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, values[-1])
        made.append(len(study.trials[-1].intermediate_values))
    return made


def decided_by_steps(pruner: str, direction: str, scores: list[list[float]]) -> list[int]:
    trials: list[dict] = []
    for number, values in enumerate(scores):
        trial: dict = {"number": number, "state": "running", "reports": []}
        trials.append(trial)
        for step, value in zip(STEPS, values, strict=True):
            trial["reports"].append({"step": step, "score": value})
            if step == STEPS[-1]:
                trial["state"] = "complete"
            elif run("judge", pruner=pruner, direction=direction, number=number, trials=trials)["prune"]:
                trial["state"] = "pruned"
                break
    return [len(trial["reports"]) for trial in trials]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
@pytest.mark.parametrize("pruner", ["median", "asha"])
def test_decisions_are_those_of_optuna_in_one_process(pruner, direction):
    draw = random.Random(7)
    scores = [[draw.random() for _ in STEPS] for _ in range(25)]
    made = decided_by_optuna(pruner, direction, scores)
    assert decided_by_steps(pruner, direction, scores) == made
    assert {1, 3} <= set(made)


def test_hyperband_decides_as_optuna_does_once_a_trial_is_complete():
    draw = random.Random(3)
    # Until then nothing is pruned here; the first trial is the best at each rung, so that Optuna keeps it as well.
    scores = [[1.0, 1.0, 1.0], *([draw.random() for _ in STEPS] for _ in range(25))]
    made = decided_by_optuna("hyperband", "maximize", scores)
    assert decided_by_steps("hyperband", "maximize", scores) == made
    assert {1, 3} <= set(made)


def test_the_same_trials_give_the_same_decision_in_any_order():
    trials = [
        {"number": 0, "state": "complete", "reports": [{"step": step, "score": 0.6} for step in STEPS]},
        {"number": 1, "state": "pruned", "reports": [{"step": 1, "score": 0.5}]},
        {"number": 2, "state": "failed"},
        {"number": 3, "state": "running", "reports": [{"step": 1, "score": 0.55}]},
    ]
    assert run("judge", number=3, trials=trials) == run("judge", number=3, trials=trials[::-1]) == {"prune": True}


def test_nothing_is_pruned_before_a_trial_is_complete():
    trials = [
        {"number": number, "state": "running", "reports": [{"step": 1, "score": 0.9 - number / 10}]}
        for number in range(5)
    ]
    for pruner in PRUNERS:
        assert run("judge", pruner=pruner, number=4, trials=trials) == {"prune": False}


def test_a_trial_that_reported_nothing_cannot_be_judged():
    with pytest.raises(InvalidInput) as caught:
        run("judge", number=0, trials=[{"number": 0, "state": "running"}])
    assert caught.value.field == "number"


def test_the_sampler_learns_from_pruned_trials():
    space = {"x": {"type": "float", "low": 0.0, "high": 1.0}}
    trials: list[dict] = []
    for number in range(40):
        x = run("suggest", seed=1, trials=trials, space=space)["params"][0]["x"]
        pruned = number > 5 and x > 0.3
        outcome = {"state": "pruned"} if pruned else {"state": "complete", "score": -x}
        trials.append({"number": number, "params": {"x": x}, "reports": [{"step": 1, "score": -x}], **outcome})
    late = [trial["params"]["x"] for trial in trials[20:]]
    assert sum(late) / len(late) < 0.3
