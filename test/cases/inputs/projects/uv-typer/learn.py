"""Learns which trains come late."""

from pathlib import Path
from typing import Annotated

import joblib
import pandas as pd
import typer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

app = typer.Typer()


@app.command()
def main(table: Path, rounds: Annotated[int, typer.Option(help="trees")] = 60, model: Path = Path("late.joblib")):
    rows = pd.read_csv(table)
    X, y = rows[["length_m", "cars"]], rows["late"]
    trained = GradientBoostingClassifier(n_estimators=rounds, random_state=0).fit(X[:60], y[:60])
    joblib.dump(trained, model)
    print(f"Test AUROC: {roc_auc_score(y[60:], trained.predict_proba(X[60:])[:, 1]):.4f}")


if __name__ == "__main__":
    app()
