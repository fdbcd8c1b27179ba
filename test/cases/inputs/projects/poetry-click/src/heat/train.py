"""Learns the heat of a day."""

import click
import mlflow
import pandas as pd
from sklearn.linear_model import Ridge

from .scores import scores


@click.command()
@click.option("--table", default="heat.csv", show_default=True)
@click.option("--alpha", default=1.0)
def main(table, alpha):
    rows = pd.read_csv(table)
    X, y = rows[["outside_c", "wind_ms"]], rows["heat_mwh"]
    with mlflow.start_run():
        model = Ridge(alpha).fit(X[:40], y[:40])
        mlflow.log_metrics({**scores("valid", y[40:50], model.predict(X[40:50])), **scores("test", y[50:], model.predict(X[50:]))})
        mlflow.sklearn.log_model(model, name="ridge", pip_requirements=["scikit-learn"])
