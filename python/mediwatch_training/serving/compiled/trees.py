"""Fitted trees as tables: what an estimator of `training.estimators` predicts, in a few calls of NumPy.

Boosters are read as in QuickScorer (Lucchese et al. 2015): for every range of a column's values between two thresholds,
a row of bits says which leaves of each tree can still be reached. Joined by AND, the rows of a record's values leave
the leaf in which it ends as the lowest bit of each tree; those of neighbouring columns with few ranges are joined
beforehand. The trees of a forest have too many leaves for that and are called one by one.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np

from .fitted import booster_of, steps_of

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    from ...shapes import Flags, Floats, Ints, Task
    from .fitted import ForestTree

    #: Values of encoded columns, or places of a table that stand for them.
    Encoded: TypeAlias = NDArray[np.float64 | np.int64]
    Bits: TypeAlias = NDArray[np.uint32 | np.uint64]

# Records whose bits are joined at a time: they should fit into a core's cache.
_CHUNK = 128
_THREADS = min(os.cpu_count() or 1, 4)
_POOL = ThreadPoolExecutor(_THREADS)
_MOST_LEAVES = 64
# A table of more rows than a core's cache holds takes longer to look up than two.
_MOST_COMBINATIONS = 256


class Unsupported(Exception):
    """A model has a part that is not compiled; the message says which."""


class Trees(Protocol):
    """Predicts from encoded records, whose columns it may take in its own form."""

    def read(self, column: int, values: Floats) -> Encoded:
        """Return the values of an encoded column as `predict` takes them, of the same shape."""
        ...

    def edges(self, column: int) -> Floats:
        """Return the values of an encoded column up to which splits send a record to the left."""
        ...

    def predict(self, encoded: Encoded) -> Floats:
        """Return what `models.predict_records` does, of encoded records, shape (columns, rows)."""
        ...


def compile_trees(estimator: object, task: Task, columns: int) -> Trees:
    """Return the trees of a fitted estimator that reads so many encoded columns.

    Raises:
        Unsupported: It is none that `training.estimators` makes, or has trees of more than 64 leaves.
    """
    members = list(getattr(estimator, "estimators_", []))
    if members and hasattr(members[0], "tree_"):
        return _Forest([cast("ForestTree", member.tree_) for member in members], task)
    boosters = [_Booster(member) for member in members]
    if not boosters:
        raise Unsupported(type(estimator).__name__)
    return _Boosters(boosters, task, columns)


class _Forest:
    """A random forest."""

    def __init__(self, trees: list[ForestTree], task: Task) -> None:
        self._trees, self._task = trees, task

    def read(self, column: int, values: Floats) -> Floats:
        return values

    def edges(self, column: int) -> Floats:
        return np.unique(np.concatenate([tree.threshold[tree.feature == column] for tree in self._trees]))

    def predict(self, encoded: Encoded) -> Floats:
        # scikit-learn's forests read 32 bits.
        X = np.ascontiguousarray(encoded.T, dtype=np.float32)
        if np.isinf(X).any():
            raise ValueError("a number that 32 bits do not hold")
        total = self._trees[0].predict(X)
        for tree in self._trees[1:]:
            total += tree.predict(X)
        total /= len(self._trees)
        return total if self._task == "multiclass" else total[:, 0 if self._task == "regression" else 1]


class _Boosters:
    """An average of histogram gradient boosters.

    Attributes:
        _ranges: Where the ranges of each column end; the last one is infinite, and after it comes the missing value.
        _bits: Leaves that can be reached, shape (rows, trees).
        _groups: The first column of each group of columns whose ranges are joined to rows.
        _first, _steps: The number of a row is the sum of the first one of its group and so many steps for each range.
        _values: Of the leaves, shape (trees * leaves).
    """

    def __init__(self, boosters: list[_Booster], task: Task, columns: int) -> None:
        self._boosters, self._task = boosters, task
        thresholds = [np.concatenate([one.thresholds(column) for one in boosters]) for column in range(columns)]
        self._ranges = [np.unique(np.append(values, np.inf)) for values in thresholds]
        counts = [len(values) + 1 for values in self._ranges]
        leaves = max(one.most_leaves for one in boosters)
        if leaves > _MOST_LEAVES:
            raise Unsupported(f"trees of more than {_MOST_LEAVES} leaves")
        kind = np.uint32 if leaves <= 32 else np.uint64
        trees = sum(one.trees for one in boosters)
        tables: list[Bits] = [np.full((count, trees), np.iinfo(kind).max, dtype=kind) for count in counts]
        values = np.zeros((trees, leaves))
        # The end of a range stands for all of its values; no encoder takes an infinite one.
        ends = np.full((max(counts), columns), np.nan)
        for column, found in enumerate(self._ranges):
            ends[: len(found), column] = np.minimum(found, np.finfo(np.float64).max)
        first = 0
        for one in boosters:
            values[first + one.leaf_tree, one.leaf] = one.values
            read = one.preprocess(ends)
            for column in range(columns):
                chosen = np.flatnonzero(one.column == column)
                if not len(chosen):
                    continue
                # Padding is missing, as is the value after the last range.
                left = one.goes_left(chosen, read[: counts[column]])
                bits = np.where(left, np.iinfo(kind).max, one.right_bits(chosen).astype(kind))
                tree, start = np.unique(one.tree[chosen], return_index=True)
                tables[column][:, first + tree] = np.bitwise_and.reduceat(bits, start, axis=1)
            first += one.trees
        self._join(tables)
        self._values, self._leaves = values.ravel(), np.arange(trees) * leaves
        # Where the trees of each class of each booster begin.
        sizes = [one.trees // one.classes for one in boosters for _ in range(one.classes)]
        self._starts = [0, *accumulate(sizes[:-1])]
        self._baseline = np.concatenate([one.baseline for one in boosters])

    def _join(self, tables: list[Bits]) -> None:
        """Set `_bits` from those of the ranges of each column, shape (ranges, trees)."""
        joined: list[Bits] = []
        self._groups: list[int] = []
        self._steps: list[int] = []
        for column, table in enumerate(tables):
            # Of a column that no tree looks at, one row says all.
            rows = table[:1] if (table == table[0]).all() else table
            if joined and len(joined[-1]) * len(rows) <= _MOST_COMBINATIONS:
                self._steps.append(len(joined[-1]) if len(rows) > 1 else 0)
                joined[-1] = (rows[:, None] & joined[-1]).reshape(-1, rows.shape[1])
            else:
                self._steps.append(int(len(rows) > 1))
                self._groups.append(column)
                joined.append(rows)
        self._bits: Bits = np.concatenate(joined)
        self._first = [0] * len(tables)
        for column, first in zip(self._groups, accumulate(map(len, joined[:-1]), initial=0), strict=True):
            self._first[column] = first

    def read(self, column: int, values: Floats) -> Ints:
        return self._ranges[column].searchsorted(values) * self._steps[column] + self._first[column]

    def edges(self, column: int) -> Floats:
        return self._ranges[column][:-1]

    def predict(self, encoded: Encoded) -> Floats:
        rows = encoded.shape[1]
        places = np.add.reduceat(cast("Ints", encoded), self._groups, axis=0)
        raw = np.empty((rows, len(self._starts)))
        starts = range(0, rows, _CHUNK)

        def sum_leaves(first: int) -> None:
            for start in starts[first::_THREADS]:
                bits = self._reached(places[:, start : start + _CHUNK])
                # The number of zeros below the lowest bit.
                leaves = np.bitwise_count(~bits & (bits - 1)) + self._leaves
                raw[start : start + _CHUNK] = np.add.reduceat(self._values[leaves], self._starts, axis=1)

        # NumPy lets others run meanwhile. Of few records, waking another thread would take longer.
        threads = _POOL.map if len(starts) > _THREADS else map
        list(threads(sum_leaves, range(min(_THREADS, len(starts)))))
        raw += self._baseline
        one = self._boosters[0]
        each = np.concatenate(np.split(raw, len(self._boosters), axis=1))
        shape = (len(self._boosters), rows)
        if self._task == "regression":
            return one.link_inverse(each.ravel()).reshape(shape).mean(axis=0)
        probabilities = one.probabilities(each)
        if self._task == "binary":
            return probabilities[:, 1].reshape(shape).mean(axis=0)
        return probabilities.reshape(*shape, -1).mean(axis=0)

    def _reached(self, places: Ints) -> Bits:
        """Return the leaves that records can reach, shape (rows, trees)."""
        if places.shape[1] == 1:
            return np.bitwise_and.reduce(self._bits[places[:, 0]], axis=0)[None]
        bits = self._bits[places[0]]
        other = np.empty_like(bits)
        for rows in places[1:]:
            # "clip" spares NumPy a copy of the output.
            np.take(self._bits, rows, axis=0, out=other, mode="clip")
            bits &= other
        return bits


class _Booster:
    """The trees of one booster, class by class, and of a pipeline that gives it the first columns only.

    Attributes:
        tree, column: Of each split.
        leaf_tree, leaf, values: Of each leaf.
    """

    def __init__(self, member: object) -> None:
        *self._before, last = steps_of(member)
        booster = booster_of(last)
        if booster is None:
            raise Unsupported(type(last).__name__)
        self._booster = booster
        self.classes = booster["n_trees_per_iteration_"]
        self.baseline = booster["_baseline_prediction"].ravel()
        trees = [group[k] for k in range(self.classes) for group in booster["_predictors"]]
        self.trees = len(trees)
        sizes = [len(tree.nodes) for tree in trees]
        starts = np.array([0, *accumulate(sizes[:-1])])
        nodes = np.concatenate([tree.nodes for tree in trees])
        tree_of = np.repeat(np.arange(len(trees)), sizes)
        is_leaf = nodes["is_leaf"].astype(bool)
        # Nodes lie in preorder, so the leaves on the left of a split are those from one of its children to the other.
        before = np.concatenate([[0], np.cumsum(is_leaf)])
        first_leaf = before[starts]
        self.leaf_tree, self.values = tree_of[is_leaf], nodes["value"][is_leaf]
        self.leaf = np.arange(len(self.values)) - first_leaf[self.leaf_tree]
        self.most_leaves = int(self.leaf.max()) + 1
        self._splits = nodes[~is_leaf]
        self.tree: Ints = tree_of[~is_leaf]
        start = starts[self.tree]
        self._left_from = before[start + self._splits["left"]] - first_leaf[self.tree]
        self._left_to = before[start + self._splits["right"]] - first_leaf[self.tree]
        self._is_category = self._splits["is_categorical"].astype(bool)
        sets = [tree.raw_left_cat_bitsets for tree in trees]
        first_set = np.array([0, *accumulate(len(one) for one in sets[:-1])])
        self._left_sets = np.concatenate([*sets, np.zeros((1, 8), dtype=np.uint32)])
        self._left_set = np.where(self._is_category, first_set[self.tree] + self._splits["bitset_idx"], -1)
        self._known_sets, self._known_set = booster["_bin_mapper"].make_known_categories_bitsets()
        self.column: Ints = self._columns()[self._splits["feature_idx"]]

    def _columns(self) -> Ints:
        """Return the encoded column of each feature of the nodes: scikit-learn puts categories first."""
        categorical = self._booster["is_categorical_"]
        if categorical is None:
            return np.arange(self._booster["_n_features"])
        return np.argsort(~categorical, kind="stable")

    def thresholds(self, column: int) -> Floats:
        """Return values of an encoded column between which no split tells any two apart."""
        mine = self.column == column
        preprocessor = self._booster["_preprocessor"]
        if preprocessor is not None and (self._is_category & mine).any():
            # Codes of categories are whole numbers from -1, which is unknown.
            seen = preprocessor.named_transformers_["encoder"].categories_
            return np.arange(-1.0, 2.0 + max(float(np.nanmax(one)) for one in seen))
        return self._splits["num_threshold"][mine]

    def preprocess(self, encoded: Floats) -> Floats:
        """Return encoded columns, shape (rows, columns), as the nodes read them."""
        for step in (*self._before, self._booster["_preprocessor"]):
            encoded = encoded if step is None else step.transform(encoded)
        return encoded

    def goes_left(self, chosen: Ints, X: Floats) -> Flags:
        """Return whether each row of what `preprocess` gives goes left at the chosen splits, shape (rows, splits)."""
        splits = self._splits[chosen]
        values = X[:, splits["feature_idx"]]
        missing, left = np.isnan(values), values <= splits["num_threshold"]
        is_category = self._is_category[chosen]
        if is_category.any():
            code = np.where(missing | (values < 0), 0, np.minimum(values, 255)).astype(np.int64)
            word, bit = code // 32, code % 32
            in_left = (self._left_sets[self._left_set[chosen], word] >> bit & 1).astype(bool)
            known = (self._known_sets[self._known_set[splits["feature_idx"]], word] >> bit & 1).astype(bool)
            left = np.where(is_category, in_left, left)
            missing |= is_category & ((values < 0) | ~(in_left | known))
        return np.where(missing, splits["missing_go_to_left"].astype(bool), left)

    def right_bits(self, chosen: Ints) -> Ints:
        """Return the leaves of the tree that are not on the left of the chosen splits, as bits."""
        one = np.uint64(1)
        until, since = self._left_to[chosen].astype(np.uint64), self._left_from[chosen].astype(np.uint64)
        # A tree has a leaf on the right of each split, so no shift is by 64.
        return ~((one << until) - (one << since))

    def probabilities(self, raw: Floats) -> Floats:
        """Return the probabilities of all classes, shape (rows, classes), of sums of leaves, shape (rows, trees)."""
        return self._booster["_loss"].predict_proba(raw)

    def link_inverse(self, raw: Floats) -> Floats:
        """Return the numbers that sums of leaves are, both of shape (rows,)."""
        return self._booster["_loss"].link.inverse(raw)
