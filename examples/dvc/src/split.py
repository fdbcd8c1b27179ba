"""Splits the readings."""

import sys
from pathlib import Path

import pandas as pd
import yaml
from sklearn.model_selection import train_test_split

if __name__ == "__main__":
    wanted = yaml.safe_load(Path("params.yaml").read_text())["split"]
    parts = train_test_split(pd.read_csv(sys.argv[1]), test_size=wanted["test_size"], random_state=wanted["seed"])
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in zip(("train", "test"), parts):
        part.to_csv(folder / f"{name}.csv", index=False)
