"""Scores of a model, by our names."""

from sklearn.metrics import mean_absolute_error, r2_score


def scores(prefix, y, guessed):
    return {f"{prefix}_mae": mean_absolute_error(y, guessed), f"{prefix}_r2": r2_score(y, guessed)}
