"""Scores the forest on what it has not seen."""

import json
import sys
from pathlib import Path

import joblib
import pandas as pd
from sklearn.metrics import average_precision_score, roc_auc_score

if __name__ == "__main__":
    table = pd.read_csv(Path(sys.argv[1]) / "test.csv")
    chance = joblib.load(sys.argv[2]).predict_proba(table.drop(columns="worn"))[:, 1]
    scores = {"auroc": roc_auc_score(table["worn"], chance), "average_precision": average_precision_score(table["worn"], chance)}
    with open(sys.argv[3], "w") as file:
        json.dump(scores, file)
