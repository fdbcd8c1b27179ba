"""The two kinds of model: histogram gradient boosting ("hgb") and a random-forest baseline ("rf")."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, cast

from ..dataset import Dataset
from ..errors import InvalidInput

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

    from ..contract import Params
    from ..shapes import Estimator, Floats, Labels, ModelKind, Task

# Good on validation splits without any search.
DEFAULTS: dict[ModelKind, Params] = {
    "hgb": {
        "learning_rate": 0.06,
        "max_leaf_nodes": 24,
        "min_samples_leaf": 100,
        "l2_regularization": 10.0,
        "max_features": 0.6,
    },
    "rf": {"n_estimators": 150, "max_depth": 16, "min_samples_leaf": 20, "max_features": 0.25},
}
# A tree can have at least so many leaves.
_LEAVES = 20
# Boosting stops when the validation loss has not improved for this many iterations, or here at the latest.
_PATIENCE = 15
_MAX_ITERATIONS = 600
# The final model averages this many boosters. They differ in their seeds, so in the features that each split may
# choose from, and every other one reads no pairs of categories. In grouped 5-fold cross-validation, with pairs of nine
# columns, such an average scored an AUC of 0.6925; two with pairs 0.6911, two without 0.6906, one of either 0.690.
_MEMBERS = 4
_RESERVED = (
    "random_state",
    "n_jobs",
    "verbose",
    "warm_start",
    "categorical_features",
    "early_stopping",
    "scoring",
)


def most_leaf_rows(wanted: int, rows: int | None) -> int:
    """Return how many rows a leaf may need at least: of few training rows, leaves of many tell nothing apart."""
    return wanted if rows is None else min(wanted, max(rows // _LEAVES, 1))


def check_params(model: ModelKind, params: Params | None, task: Task = "binary", rows: int | None = None) -> Params:
    """Return `params` laid over the model's defaults for so many training rows (the defaults alone for None).

    Raises:
        InvalidInput: The estimator has no such parameter, or the package sets it itself.
    """
    accepted = sorted(set(_class(model, task)().get_params()) - set(_RESERVED))
    for name in params or {}:
        if name not in accepted:
            raise InvalidInput(f"{model} takes no parameter {name!r}; it takes {', '.join(accepted)}", "params")
    defaults = DEFAULTS[model]
    leaf = most_leaf_rows(int(cast("int", defaults["min_samples_leaf"])), rows)
    return {**defaults, "min_samples_leaf": leaf, **(params or {})}


def fit_on_train(
    dataset: Dataset, model: ModelKind, params: Params, seed: int, threads: int, share: float = 1.0
) -> tuple[Estimator, int]:
    """Fit on the train split, or on a sample of it; boosting stops early by the loss of the validation split.

    Returns:
        The fitted estimator, and its number of iterations (trees of a forest).
    """
    X, y = _sampled(dataset, "train", share)
    if model == "rf":
        estimator = _forest(dataset, params, seed, threads)
        _fit(estimator, threads, X, y)
        return estimator, int(cast("RandomForestClassifier", estimator).n_estimators)
    early = {} if "max_iter" in params else {"max_iter": _MAX_ITERATIONS, "n_iter_no_change": _PATIENCE}
    estimator = _boosting(dataset, {**early, **params}, seed, early_stopping=bool(early))
    # The loss is asked for after each iteration: by as large a sample, or it would take most of the time.
    X_val, y_val = _sampled(dataset, "validation", share)
    _fit(estimator, threads, X, y, **({"X_val": X_val, "y_val": y_val} if early else {}))
    return estimator, int(cast("HistGradientBoostingClassifier", estimator).n_iter_)


def _sampled(dataset: Dataset, split: Literal["train", "validation"], share: float) -> tuple[Floats, Labels]:
    """Return a share of the rows of a split, at even distances within each class, so that no class is lost.

    A larger share holds all rows of a smaller one if it is a multiple. No group is in two splits, so a sample may hold
    some rows of a group.
    """
    X, y = dataset.features(split), dataset.labels(split)
    if share == 1:
        return X, y
    import numpy as np

    every = round(1 / share)
    if dataset.meta["task"] == "regression":
        return X[::every], y[::every]
    rows = np.sort(np.concatenate([np.flatnonzero(y == label)[::every] for label in np.unique(y)]))
    return X[rows], y[rows]


def fit_final(
    dataset: Dataset,
    X: Floats,
    y: Labels,
    model: ModelKind,
    params: Params,
    iterations: int,
    seed: int,
    threads: int,
) -> Estimator:
    """Fit on all rows but those of the test split, with a number of iterations found before; return the estimator.

    Boosting is an average of `_MEMBERS` boosters, a forest one forest.
    """
    if model == "rf":
        return _fit(_forest(dataset, params, seed, threads), threads, X, y)
    from sklearn.ensemble import VotingClassifier, VotingRegressor

    fixed = {**params, "max_iter": iterations}
    members = [_boosting(dataset, fixed, seed + number, early_stopping=False) for number in range(_MEMBERS)]
    if dataset.meta["pairColumns"]:
        members = [_without_pairs(dataset, one) if number % 2 else one for number, one in enumerate(members)]
    # In turn, each on all threads: side by side on a thread each was sometimes faster, sometimes slower.
    named = [(f"member_{number}", one) for number, one in enumerate(members)]
    average = VotingRegressor(named) if dataset.meta["task"] == "regression" else VotingClassifier(named, voting="soft")
    return _fit(cast("Estimator", average), threads, X, y)


def _without_pairs(dataset: Dataset, booster: Estimator) -> Estimator:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline

    columns = slice(0, dataset.meta["encodedColumns"] - dataset.meta["pairColumns"])
    others = ColumnTransformer([("all_but_pairs", "passthrough", columns)])
    return cast("Estimator", make_pipeline(others, booster))


def predictions(estimator: Estimator, task: Task, X: pd.DataFrame | Floats, threads: int) -> Floats:
    """Return the probability of the positive class, or those of all classes, or the number of each row."""
    with limited_threads(threads):
        if task == "regression":
            return estimator.predict(X)
        probabilities = estimator.predict_proba(X)
        return probabilities if task == "multiclass" else probabilities[:, 1]


@contextmanager
def limited_threads(threads: int) -> Generator[None]:
    """Let OpenMP use `threads` threads in the calling thread, whatever OMP_NUM_THREADS said at the start."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads, user_api="openmp"):
        yield


def _class(model: ModelKind, task: Task) -> Callable[..., Estimator]:
    from sklearn import ensemble

    kind = {
        "hgb": (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor),
        "rf": (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor),
    }[model][task == "regression"]
    return cast("Callable[..., Estimator]", kind)


def _boosting(dataset: Dataset, params: Params, seed: int, early_stopping: bool) -> Estimator:
    return _class("hgb", dataset.meta["task"])(
        **params,
        early_stopping=early_stopping,
        scoring="loss",
        categorical_features=dataset.meta["categoricalColumns"] or None,
        random_state=seed,
    )


def _forest(dataset: Dataset, params: Params, seed: int, threads: int) -> Estimator:
    return _class("rf", dataset.meta["task"])(**params, random_state=seed, n_jobs=threads)


def _fit(estimator: Estimator, threads: int, X: Floats, y: Labels, **validation: Labels) -> Estimator:
    from sklearn.utils._param_validation import InvalidParameterError

    try:
        with limited_threads(threads):
            return estimator.fit(X, y, **validation)
    except InvalidParameterError as error:
        raise InvalidInput(str(error), "params") from error
