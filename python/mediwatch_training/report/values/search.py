"""The search: its trials, and which parameters mattered."""

from __future__ import annotations

import json
from typing import Any

from ...checks import is_number
from ..inputs import Search

# Below this a forest over trials explains noise.
_MIN_TRIALS = 12
_SEED = 42


def search(request: Search) -> dict[str, Any]:
    """Return ``{trials, metric, direction, counts, best, history, axes, importance}``.

    ``history`` is ``[{number, score, best}]``, the last one the best score so far; ``axes`` describes each parameter
    that some complete trial has: ``{name, kind, log, values}``, values as numbers or texts by trial number.
    """
    trials = request.trials
    if not trials:
        return {"missing": "No search was made: the parameters were given, or they are the defaults."}
    complete = [trial for trial in trials if trial["score"] is not None]
    better = max if request.direction == "maximize" else min
    history: list[dict[str, Any]] = []
    for trial in complete:
        best = better(trial["score"], history[-1]["best"]) if history else trial["score"]
        history.append({"number": trial["number"], "score": trial["score"], "best": best})
    best_trial = better(complete, key=lambda trial: trial["score"]) if complete else None
    axes = _axes(complete, request.space or {})
    return {
        "trials": trials,
        "metric": request.metric,
        "direction": request.direction,
        "counts": {state: sum(trial["state"] == state for trial in trials) for state in _STATES},
        "best": best_trial and best_trial["number"],
        "history": history,
        "axes": axes,
        "importance": _importance(complete, axes, request.direction),
    }


_STATES = ("complete", "failed", "running")


def _axes(complete: list[dict[str, Any]], space: dict[str, Any]) -> list[dict[str, Any]]:
    names = dict.fromkeys([*space, *(name for trial in complete for name in trial["params"])])
    return [axis for name in names if (axis := _axis(name, complete, space.get(name))) is not None]


def _axis(name: str, complete: list[dict[str, Any]], entry: Any) -> dict[str, Any] | None:
    values = {trial["number"]: trial["params"][name] for trial in complete if name in trial["params"]}
    known = [value for value in values.values() if value is not None]
    if not known:
        return None
    if all(is_number(value) for value in known):
        log = bool(isinstance(entry, dict) and entry.get("log")) and min(known) > 0
        return {"name": name, "kind": "number", "log": log, "values": _by_number(values)}
    texts = {number: None if value is None else as_text(value) for number, value in values.items()}
    return {"name": name, "kind": "category", "log": False, "values": _by_number(texts)}


def _by_number(values: dict[int, Any]) -> dict[str, Any]:
    return {str(number): value for number, value in values.items()}


def as_text(value: Any) -> str:
    """Return a parameter's value as a category: true and "true" are one."""
    return value if isinstance(value, str) else json.dumps(value)


def _importance(complete: list[dict[str, Any]], axes: list[dict[str, Any]], direction: str) -> dict[str, Any]:
    """Return ``{parameters: [{name, share}], trials}``, by fANOVA (Hutter 2014)."""
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


def _fanova(complete: list[dict[str, Any]], axes: list[dict[str, Any]], direction: str) -> dict[str, float]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {axis["name"]: _distribution(optuna, axis) for axis in axes}
    study = optuna.create_study(direction=direction)
    for trial in complete:
        number = str(trial["number"])
        params = {axis["name"]: axis["values"][number] for axis in axes}
        params = {name: value if isinstance(value, str) else float(value) for name, value in params.items()}
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=float(trial["score"]))
        )
    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=_SEED)
    return optuna.importance.get_param_importances(study, evaluator=evaluator)


def _distribution(optuna: Any, axis: dict[str, Any]) -> Any:
    values = list(axis["values"].values())
    if axis["kind"] == "category":
        return optuna.distributions.CategoricalDistribution(sorted(set(values)))
    # The range that was seen: trials of commands may lie outside of any space.
    return optuna.distributions.FloatDistribution(float(min(values)), float(max(values)), log=axis["log"])
