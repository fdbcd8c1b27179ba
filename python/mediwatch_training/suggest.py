"""Step `suggest`: the next parameters to try, from the trials so far.

The search keeps no state of its own: an Optuna study is rebuilt from the trials in the input, so the same
trials and seed always give the same proposals.
"""

from __future__ import annotations

import warnings
from typing import Any

from .errors import InvalidInput
from .fields import Fields, is_integer, is_number
from .progress import Progress
from .space import BUNDLED, check_space

_FIELDS = ("model", "sampler", "seed", "count", "trials", "space", "direction")
_STATES = ("complete", "failed", "running")
# The first proposals are random, as TPE needs some trials to learn from. Optuna's default is 10; a search of 20
# trials would be half random with it.
_RANDOM_TRIALS = 6


def suggest(input: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Propose `count` parameter sets.

    Args:
        input: ``model`` ("hgb" or "rf"), ``sampler`` ("tpe" or "random"), ``seed``, ``count``, ``trials`` (each
            ``{number, params, state, score?}``; running ones are taken into account as pending), instead of
            the model's bundled space, ``space`` (``{name: {type, low, high, log?, step?, choices?}}``), and
            ``direction`` ("maximize" or "minimize" the score; default maximize).
        progress: Not used: a proposal takes milliseconds.

    Returns:
        ``{params: [{…}, …]}``, `count` of them.

    Raises:
        InvalidInput: A field, a trial or the space is not as described.
    """
    fields = Fields("suggest", input, _FIELDS)
    model = fields.choice("model", tuple(BUNDLED), "hgb")
    sampler = fields.choice("sampler", ("tpe", "random"), "tpe")
    seed = fields.integer("seed", 42)
    count = fields.integer("count", 1, low=1, high=1000)
    space = check_space(fields.mapping("space", None) or BUNDLED[model])
    direction = fields.choice("direction", ("maximize", "minimize"), "maximize")
    trials = sorted((_check_trial(trial) for trial in fields.objects("trials", [])), key=lambda t: t["number"])

    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    distributions = {name: _distribution(optuna, entry) for name, entry in space.items()}
    # The seed moves on with the trials, or a study rebuilt after each of them would draw the same numbers.
    drawn_seed = (seed * 1_000_003 + len(trials)) % 2**32
    study = optuna.create_study(direction=direction, sampler=_sampler(optuna, sampler, drawn_seed))
    for trial in trials:
        _add(optuna, study, trial, distributions)
    proposals = [study.ask(distributions).params for _ in range(count)]
    return {"params": proposals}


def _sampler(optuna: Any, kind: str, seed: int) -> Any:
    if kind == "random":
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        # Both options have been "experimental" since 2020 and 2021; nobody who reads our log can act on it.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=_RANDOM_TRIALS, multivariate=True, constant_liar=True
        )


def _distribution(optuna: Any, entry: dict[str, Any]) -> Any:
    if entry["type"] == "categorical":
        return optuna.distributions.CategoricalDistribution(entry["choices"])
    if entry["type"] == "int":
        return optuna.distributions.IntDistribution(
            int(entry["low"]),
            int(entry["high"]),
            log=bool(entry.get("log")),
            step=int(entry.get("step") or 1),
        )
    return optuna.distributions.FloatDistribution(
        float(entry["low"]), float(entry["high"]), log=bool(entry.get("log")), step=entry.get("step")
    )


def _add(optuna: Any, study: Any, trial: dict[str, Any], distributions: dict[str, Any]) -> None:
    known = {name: value for name, value in trial["params"].items() if name in distributions}
    complete = trial["state"] == "complete"
    states = optuna.trial.TrialState
    state = {"complete": states.COMPLETE, "failed": states.FAIL, "running": states.RUNNING}[trial["state"]]
    study.add_trial(
        optuna.trial.create_trial(
            state=state,
            params=known,
            distributions={name: distributions[name] for name in known},
            value=float(trial["score"]) if complete else None,
        )
    )


def _check_trial(trial: dict[str, Any]) -> dict[str, Any]:
    if not is_integer(trial.get("number")):
        raise InvalidInput("each trial needs a whole number as its number", "trials")
    if not isinstance(trial.get("params"), dict):
        raise InvalidInput(f"trial {trial['number']} needs params, an object", "trials")
    if trial.get("state") not in _STATES:
        raise InvalidInput(f"trial {trial['number']}: state must be one of {', '.join(_STATES)}", "trials")
    if trial["state"] == "complete" and not is_number(trial.get("score")):
        raise InvalidInput(f"trial {trial['number']} is complete and has no score", "trials")
    return trial
