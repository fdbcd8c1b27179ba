"""The whole retrain in one plain process, without an orchestrator: what the workflows are measured against.

It calls the same step functions with the same concurrency, logs each trial to MLflow as a nested run, registers the
model, and prints the seconds of each stage as JSON. Trials run in joblib's worker processes.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediwatch_training.steps import ignore_progress, run_step
from peer_searches import fit, optuna_joblib, ray_tune


def search(
    dataset: str, count: int, jobs: int, seed: int, record: Callable[[dict[str, Any]], None]
) -> list[dict[str, Any]]:
    """Run `count` trials, `jobs` at a time, each proposed from those before it; `record` is called with each."""
    from joblib.externals.loky import get_reusable_executor

    os.environ["OMP_NUM_THREADS"] = "1"
    executor = get_reusable_executor(max_workers=jobs)
    trials: list[dict[str, Any]] = []
    running: dict[Future[dict[str, Any]], dict[str, Any]] = {}
    while len(trials) < count or running:
        while len(trials) < count and len(running) < jobs:
            proposal = run_step("suggest", {"seed": seed, "count": 1, "trials": trials}, ignore_progress)["params"][0]
            trial = {"number": len(trials), "params": proposal, "state": "running"}
            trials.append(trial)
            running[executor.submit(fit, dataset, proposal, seed)] = trial
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            trial = running.pop(future)
            trial.update(state="complete", **future.result())
            record(trial)
    executor.shutdown()
    return trials


#: In a plain loop, or as peers search.
SEARCHES = {"plain": search, "optuna": optuna_joblib, "ray": ray_tune}


def main() -> None:
    """Parse the flags, run every stage, print ``{seconds, version, testAuc, bestScore}``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", required=True, help="the .csv or .csv.gz file")
    parser.add_argument("--trials", type=int, default=20, help="trials of the search (default 20)")
    parser.add_argument("--jobs", type=int, default=2, help="trials at once (default 2)")
    parser.add_argument("--seed", type=int, default=42, help="seed of everything random (default 42)")
    parser.add_argument("--search", choices=SEARCHES, default="plain", help="who searches (default plain)")
    parser.add_argument("--tracking-uri", required=True, help="MLflow server")
    parser.add_argument("--registered-model", required=True, help="registered model to make a version of")
    parser.add_argument("--out", required=True, help="directory for the prepared dataset")
    flags = parser.parse_args()
    seconds: dict[str, float] = {}
    dataset = str(Path(flags.out).resolve())

    @contextmanager
    def stage(name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        seconds[name] = round(time.perf_counter() - started, 3)

    with stage("total"):
        with stage("prepare"):
            prepared = {"dataPath": flags.data, "outputDir": dataset, "seed": flags.seed}
            run_step("prepare", prepared, ignore_progress)
        with stage("search"):
            run_id, record = _open_runs(flags.tracking_uri)
            trials = SEARCHES[flags.search](dataset, flags.trials, flags.jobs, flags.seed, record)
            best = max(trials, key=lambda trial: trial["score"], default=None)
        with stage("trainAndRegister"):
            result = run_step(
                "train-and-register",
                {
                    "datasetDir": dataset,
                    "params": best["params"] if best else None,
                    "seed": flags.seed,
                    "threads": flags.jobs,
                    "trackingUri": flags.tracking_uri,
                    "runId": run_id,
                    "register": flags.registered_model,
                },
                ignore_progress,
            )
    print(
        json.dumps(
            {
                "seconds": seconds,
                "version": result["registered"]["version"],
                "testAuc": result["metrics"]["test_auc"],
                "bestScore": best["score"] if best else None,
            }
        )
    )


def _open_runs(uri: str) -> tuple[str, Callable[[dict[str, Any]], None]]:
    """Make the parent run; return its id and a function that logs a trial as a nested run."""
    from mlflow.entities import Metric, Param

    from mediwatch_training.tracking import connect

    client = connect(uri)
    experiment = client.get_experiment_by_name("mediwatch")
    experiment_id = experiment.experiment_id if experiment else client.create_experiment("mediwatch")
    parent = client.create_run(experiment_id, run_name="plain script").info.run_id

    def record(trial: dict[str, Any]) -> None:
        run = client.create_run(
            experiment_id, tags={"mlflow.parentRunId": parent}, run_name=f"trial {trial['number']}"
        ).info.run_id
        now = int(time.time() * 1000)
        client.log_batch(
            run,
            metrics=[Metric(name, float(value), now, 0) for name, value in trial["metrics"].items()],
            params=[Param(name, str(value)) for name, value in trial["params"].items()],
        )
        client.set_terminated(run)

    return parent, record


if __name__ == "__main__":
    main()
