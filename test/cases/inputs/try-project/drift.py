"""Compares the halves of a log of predictions. Usage: drift.py LOG FOLDER"""

import json
import pathlib
import sys

import pandas as pd

log, folder = sys.argv[1:]
table = pd.read_csv(log)
half = len(table) // 2
before, after = table["km"][:half], table["km"][half:]
drifted = bool(abs(after.mean() - before.mean()) > before.std())
result = {
    "number_of_columns": 1,
    "number_of_drifted_columns": int(drifted),
    "share_of_drifted_columns": float(drifted),
    "dataset_drift": drifted,
}
report = {"metrics": [{"metric": "DatasetDriftMetric", "result": result}]}
(pathlib.Path(folder) / "report.json").write_text(json.dumps(report))
