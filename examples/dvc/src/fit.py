"""Fits the forest."""

import sys
from pathlib import Path

import joblib
import pandas as pd
import yaml
from sklearn.ensemble import RandomForestClassifier

if __name__ == "__main__":
    wanted = yaml.safe_load(Path("params.yaml").read_text())["fit"]
    table = pd.read_csv(Path(sys.argv[1]) / "train.csv")
    forest = RandomForestClassifier(wanted["trees"], max_depth=wanted["depth"], random_state=0)
    forest.fit(table.drop(columns="worn"), table["worn"])
    target = Path(sys.argv[2])
    target.parent.mkdir(parents=True, exist_ok=True)
    joblib.dump(forest, target)
