"""The model that is in a stage of the registry, loaded once."""

import csv
import json
import os
import time
import uuid
from functools import lru_cache
from pathlib import Path

import mlflow
import pandas as pd

NAME = os.environ.get("MLFLOW_MODEL_NAME", "ReadmitScripts")
STAGE = os.environ.get("MLFLOW_MODEL_STAGE", "Production")
THRESHOLD = 0.5


@lru_cache(maxsize=1)
def load():
    """Return the pipeline, its version, and two example records."""
    client = mlflow.MlflowClient()
    version = client.get_latest_versions(NAME, stages=[STAGE])[0]
    model = mlflow.sklearn.load_model(f"models:/{NAME}/{STAGE}")
    example = json.loads(mlflow.artifacts.load_text(f"models:/{NAME}/{STAGE}/input_example.json"))
    records = pd.DataFrame(example["data"], columns=example["columns"]).to_dict(orient="records")
    return model, version.version, records


def predict(records):
    model, version, _ = load()
    frame = pd.DataFrame(records)
    probabilities = model.predict_proba(frame)[:, 1]
    return version, [{"prob": float(p), "pred": int(p >= THRESHOLD)} for p in probabilities]


def log_predictions(records, version, predictions):
    folder = os.environ.get("PRED_LOG_DIR")
    if not folder:
        return
    path = Path(folder) / "predictions.csv"
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if new:
            writer.writerow(["event_id", "ts", "model_version", "threshold", *records[0], "prob", "pred"])
        for record, prediction in zip(records, predictions):
            row = [uuid.uuid4().hex, time.time(), version, THRESHOLD, *record.values()]
            writer.writerow([*row, prediction["prob"], prediction["pred"]])
