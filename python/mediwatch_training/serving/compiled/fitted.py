"""What is read of scikit-learn's fitted objects, some of it private: whoever compiles a model checks the result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypedDict, cast

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from ...shapes import Flags, Floats, Ints


class Transformer(Protocol):
    """A fitted transformer."""

    def transform(self, X: pd.DataFrame | Floats) -> Floats:
        """Return the outputs of records, shape (rows, outputs)."""
        ...


class Learned(Transformer, Protocol):
    """An `OrdinalEncoder` or a `TargetEncoder`."""

    categories_: list[NDArray[np.object_]]
    infrequent_categories_: list[NDArray[np.object_] | None]


class Columns(Transformer, Protocol):
    """A `ColumnTransformer`."""

    transformers_: list[tuple[str, Transformer, list[str]]]
    output_indices_: dict[str, slice]
    named_transformers_: dict[str, Learned]


class ForestTree(Protocol):
    """The nodes of a tree of a forest."""

    feature: Ints
    threshold: Floats

    def predict(self, X: NDArray[np.float32]) -> Floats:
        """Return the values of the leaves, shape (rows, values)."""
        ...


class BoosterTree(Protocol):
    """The nodes of a tree of a booster, in preorder."""

    nodes: NDArray[np.void]
    raw_left_cat_bitsets: NDArray[np.uint32]


class BinMapper(Protocol):
    """What a booster knows of the categories of each column."""

    def make_known_categories_bitsets(self) -> tuple[NDArray[np.uint32], Ints]:
        """Return a set of categories a row, and the row of each feature."""
        ...


class Link(Protocol):
    """The link function of a loss."""

    def inverse(self, y_pred: Floats) -> Floats:
        """Return what sums of leaves stand for."""
        ...


class Loss(Protocol):
    """The loss that a booster minimized."""

    link: Link

    def predict_proba(self, raw_prediction: Floats) -> Floats:
        """Return the probabilities of all classes, shape (rows, classes)."""
        ...


class BoosterState(TypedDict):
    """The attributes of a histogram gradient booster."""

    n_trees_per_iteration_: int
    is_categorical_: Flags | None
    _n_features: int
    _baseline_prediction: Floats
    _predictors: list[list[BoosterTree]]
    _bin_mapper: BinMapper
    _preprocessor: Columns | None
    _loss: Loss


def steps_of(fitted: object) -> list[Transformer]:
    """Return the steps of a pipeline, or the object itself as the only one."""
    return [step for _, step in getattr(fitted, "steps", [("", fitted)])]


def booster_of(fitted: object) -> BoosterState | None:
    """Return the attributes of a booster; None of anything else."""
    return cast("BoosterState", vars(fitted)) if hasattr(fitted, "_predictors") else None
