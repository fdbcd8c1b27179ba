"""Opens a run for the whole search, and one below it for each trial, in processes of a pool."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import mlflow


def trial(parent, depth):
    with mlflow.start_run(run_name=f"depth {depth}", parent_run_id=parent):
        mlflow.log_param("max_depth", depth)
        mlflow.log_metric("rmse", 10.0 / depth)


if __name__ == "__main__":
    with mlflow.start_run(run_name="study") as study:
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            list(pool.map(trial, [study.info.run_id] * 2, [2, 5]))
