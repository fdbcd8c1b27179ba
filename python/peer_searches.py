"""Searches of others with our step functions: what `npm run bench -- retrain --peers` compares ours with.

Both prune by successive halving as ours does, at the same rungs, and log each trial to MLflow when it ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from mediwatch_training.steps import ignore_progress, run_step
from mediwatch_training.training.judge import REDUCTION
from mediwatch_training.training.suggest import BUNDLED, make_sampler

#: Ninths of the training rows after which a trial is judged; it ends at the last.
RUNGS = (1, 3, 9)

Trial = dict[str, Any]
Record = Callable[[Trial], None]


def fit(dataset: str, params: dict[str, Any], seed: int, rung: int = RUNGS[-1]) -> Trial:
    """Fit a trial on a part of the rows, or on all, on one thread; return its score and its metrics."""
    trial = {"datasetDir": dataset, "params": params, "seed": seed, "threads": 1, "share": rung / RUNGS[-1]}
    return run_step("trial", trial, ignore_progress)


def optuna_joblib(dataset: str, count: int, jobs: int, seed: int, record: Record) -> list[Trial]:
    """Search by `Study.optimize` with threads that wait for the worker processes of joblib."""
    import optuna
    from joblib.externals.loky import get_reusable_executor

    os.environ["OMP_NUM_THREADS"] = "1"
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    executor = get_reusable_executor(max_workers=jobs)
    complete: list[Trial] = []

    def objective(trial: optuna.Trial) -> float:
        params = ask(trial)
        ended = {"number": trial.number, "params": params}
        for rung in RUNGS:
            result = executor.submit(fit, dataset, params, seed, rung).result()
            trial.report(result["score"], rung)
            if rung != RUNGS[-1] and trial.should_prune():
                record({**ended, "metrics": {"rung_score": result["score"]}})
                raise optuna.TrialPruned
        ended.update(result, state="complete")
        record(ended)
        complete.append(ended)
        return result["score"]

    sampler = make_sampler("tpe", seed)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=RUNGS[0], reduction_factor=REDUCTION)
    optuna.create_study(direction="maximize", sampler=sampler, pruner=pruner).optimize(objective, count, n_jobs=jobs)
    executor.shutdown()
    return complete


def ray_tune(dataset: str, count: int, jobs: int, seed: int, record: Record) -> list[Trial]:
    """Search by Ray Tune with its ASHA and its Optuna."""
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.optuna import OptunaSearch

    def trainable(params: dict[str, Any]) -> None:
        for rung in RUNGS:
            result = fit(dataset, params, seed, rung)
            tune.report({"score": result["score"], "rung": rung, "metrics": result["metrics"]})

    os.environ["RAY_AIR_NEW_OUTPUT"] = "0"
    ray.init(num_cpus=jobs, include_dashboard=False, log_to_driver=False, configure_logging=False)
    results = tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            metric="score",
            mode="max",
            num_samples=count,
            max_concurrent_trials=jobs,
            search_alg=OptunaSearch(space=ask, seed=seed, metric="score", mode="max"),
            scheduler=ASHAScheduler(
                time_attr="rung", max_t=RUNGS[-1], grace_period=RUNGS[0], reduction_factor=REDUCTION
            ),
        ),
        run_config=tune.RunConfig(storage_path=f"{dataset}-ray", verbose=0),
    ).fit()
    trials: list[Trial] = []
    for number, result in enumerate(results):
        metrics, params = result.metrics or {}, result.config or {}
        if "score" not in metrics:
            raise RuntimeError(f"a trial of Ray failed: {result.error}")
        trial = {"number": number, "params": params, "score": metrics["score"], "metrics": metrics["metrics"]}
        record(trial)
        if metrics["rung"] == RUNGS[-1]:
            trials.append({**trial, "state": "complete"})
    ray.shutdown()
    return trials


def ask(trial: Any) -> dict[str, Any]:  # of Optuna, which Ray hands over too
    """Return parameters of the bundled space."""
    params: dict[str, Any] = {}
    for name, entry in BUNDLED["hgb"].items():
        if entry["type"] == "categorical":
            params[name] = trial.suggest_categorical(name, entry["choices"])
        elif entry["type"] == "int":
            params[name] = trial.suggest_int(name, entry["low"], entry["high"], log=entry.get("log", False))
        else:
            params[name] = trial.suggest_float(name, entry["low"], entry["high"], log=entry.get("log", False))
    return params
