"""The search: its trials, and which parameters mattered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeAlias

from ...checks import is_number
from ..inputs import Search

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from ...contract import Space, SpaceEntryCategorical, SpaceEntryFloat, SpaceEntryInt
    from ..inputs import ReportedTrial
    from ..shapes import Axis, Direction, Missing, ParameterImportance, SearchPoint, SearchValues

    SpaceEntry: TypeAlias = SpaceEntryFloat | SpaceEntryInt | SpaceEntryCategorical

# Below this a forest over trials explains noise.
_MIN_TRIALS = 12
_SEED = 42


def search(request: Search) -> SearchValues | Missing:
    """Return the history of the search, and which of its parameters mattered."""
    trials = request.trials
    if not trials:
        return {"missing": "No search was made: the parameters were given, or they are the defaults."}
    complete = [(trial, trial["score"]) for trial in trials if trial["score"] is not None]
    better = max if request.direction == "maximize" else min
    history: list[SearchPoint] = []
    for trial, score in complete:
        best = better(score, history[-1]["best"]) if history else score
        history.append({"number": trial["number"], "score": score, "best": best})
    best_trial = better(complete, key=lambda found: found[1])[0] if complete else None
    axes = _axes([trial for trial, _ in complete], request.space or {})
    return {
        "trials": trials,
        "metric": request.metric,
        "direction": request.direction,
        "counts": {state: sum(trial["state"] == state for trial in trials) for state in _STATES},
        "best": best_trial and best_trial["number"],
        "history": history,
        "axes": axes,
        "importance": _importance(history, axes, request.direction),
    }


_STATES = ("complete", "pruned", "failed", "running")


def _axes(complete: list[ReportedTrial], space: Space) -> list[Axis]:
    names = dict.fromkeys([*space, *(name for trial in complete for name in trial["params"])])
    return [axis for name in names if (axis := _axis(name, complete, space.get(name))) is not None]


def _axis(name: str, complete: list[ReportedTrial], entry: SpaceEntry | None) -> Axis | None:
    values = {str(trial["number"]): trial["params"][name] for trial in complete if name in trial["params"]}
    known = [value for value in values.values() if value is not None]
    if not known:
        return None
    numbers = [value for value in known if is_number(value)]
    if len(numbers) == len(known):
        log = entry is not None and entry["type"] != "categorical" and entry.get("log", False) and min(numbers) > 0
        return {"name": name, "kind": "number", "log": log, "values": {**values}}
    texts = {number: None if value is None else as_text(value) for number, value in values.items()}
    return {"name": name, "kind": "category", "log": False, "values": {**texts}}


def as_text(value: object) -> str:
    """Return a parameter's value as a category: true and "true" are one."""
    return value if isinstance(value, str) else json.dumps(value)


def _importance(complete: list[SearchPoint], axes: list[Axis], direction: Direction) -> ParameterImportance | Missing:
    if len(complete) < _MIN_TRIALS:
        return {
            "missing": f"Which parameters mattered cannot be told from {len(complete)} complete "
            f"{'trial' if len(complete) == 1 else 'trials'}: at least {_MIN_TRIALS} are needed."
        }
    numbers = [str(trial["number"]) for trial in complete]
    told = [axis for axis in axes if all(axis["values"].get(number) is not None for number in numbers)]
    varied = [axis for axis in told if len({axis["values"][number] for number in numbers}) > 1]
    if len({trial["score"] for trial in complete}) == 1:
        return {"missing": "Every trial has the same score, so that no parameter made a difference."}
    if len(varied) < 2:
        return {"missing": "Fewer than two parameters were varied in all trials: there is nothing to weigh."}
    try:
        shares = _fanova(complete, varied, direction)
    except (ValueError, RuntimeError):  # what Optuna raises for trials that cannot be told apart
        return {"missing": "Which parameters mattered cannot be told from these trials."}
    ranked = sorted(shares.items(), key=lambda item: (-item[1], item[0]))
    return {"trials": len(complete), "parameters": [{"name": name, "share": float(share)} for name, share in ranked]}


def _fanova(complete: list[SearchPoint], axes: list[Axis], direction: Direction) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {axis["name"]: _distribution(axis) for axis in axes}
    study = optuna.create_study(direction=direction)
    for trial in complete:
        values = {axis["name"]: axis["values"][str(trial["number"])] for axis in axes}
        params = {name: value if isinstance(value, str) else float(value or 0) for name, value in values.items()}
        study.add_trial(optuna.trial.create_trial(params=params, distributions=distributions, value=trial["score"]))
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _distribution(axis: Axis) -> BaseDistribution:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    values = axis["values"].values()
    if axis["kind"] == "category":
        return CategoricalDistribution(sorted({value for value in values if isinstance(value, str)}))
    numbers = [float(value) for value in values if is_number(value)]
    # The range that was seen: trials of commands may lie outside of any space.
    return FloatDistribution(min(numbers), max(numbers), log=axis["log"])
