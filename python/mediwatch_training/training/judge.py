"""Step `judge`: whether a trial goes on after the score that it has just reported.

The decision is Optuna's. The study is rebuilt from the trials in the input, each report of which is judged again in
order, so that the same trials always give the same decision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from ..errors import InvalidInput

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.trial import Trial

    from ..contract import JudgeInput, JudgeInputTrial, JudgeResult
    from ..steps import Progress

# Of the trials at a rung, one in so many goes on to the next, whose budget is so many times as large.
REDUCTION = 3
_NEVER_RUN: JudgeInputTrial = {"number": -1, "state": "failed"}


def judge(input: JudgeInput, progress: Progress) -> JudgeResult:
    """Decide by the latest report of trial `number`.

    Nothing is pruned before a trial is complete, as it is with Optuna's own defaults: until then nobody knows how far
    a trial can go.

    Args:
        input: Reports of a trial are in the order of their steps.
        progress: Not called: a decision takes milliseconds.

    Raises:
        InvalidInput: The trial that is judged is not there, or has reported nothing.
    """
    trials = {trial["number"]: trial for trial in input["trials"]}
    number = input["number"]
    if not _reports(trials.get(number, _NEVER_RUN)):
        raise InvalidInput(f"trial {number} has reported no score", "number")
    lengths = [_reports(trial)[-1][0] for trial in trials.values() if trial["state"] == "complete" and _reports(trial)]
    if not lengths:
        return {"prune": False}

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    # Hyperband chooses a trial's bracket by the name of the study and the number of the trial.
    study = optuna.create_study(
        study_name="search",
        direction=input["direction"],
        pruner=_pruner(input["pruner"], max(lengths)),
        sampler=optuna.samplers.RandomSampler(seed=0),
    )
    replayed = [study.ask() for _ in range(max(trials) + 1)]
    for other, trial in trials.items():
        if other != number:
            _report(replayed[other], trial)
            _end(study, replayed[other], trial)
    return {"prune": _report(replayed[number], trials[number])}


def _report(replayed: Trial, trial: JudgeInputTrial) -> bool:
    """Report every score of the trial; return what is decided after the last one."""
    prune = False
    for step, score in _reports(trial):
        replayed.report(score, step)
        # It also notes which rungs the trial has reached.
        prune = replayed.should_prune()
    return prune


def _end(study: Study, replayed: Trial, trial: JudgeInputTrial) -> None:
    from optuna.trial import TrialState

    reports = _reports(trial)
    if trial["state"] == "complete" and reports:
        study.tell(replayed, reports[-1][1])
    elif trial["state"] != "running":
        study.tell(replayed, state=TrialState.PRUNED if reports else TrialState.FAIL)


def _reports(trial: JudgeInputTrial) -> list[tuple[int, float]]:
    return [(report["step"], report["score"]) for report in trial.get("reports", [])]


def _pruner(kind: Literal["median", "asha", "hyperband"], longest: int) -> BasePruner:
    import optuna

    if kind == "median":
        return optuna.pruners.MedianPruner()
    if kind == "asha":
        # What Optuna's "auto" comes to.
        first = max(longest // 100, 1)
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=first, reduction_factor=REDUCTION)
    return optuna.pruners.HyperbandPruner(max_resource=longest + 1, reduction_factor=REDUCTION)
