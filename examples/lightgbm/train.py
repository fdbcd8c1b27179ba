"""Trains LightGBM on a CSV file and logs model and scores to MLflow. It knows nothing of who calls it."""

import argparse

import lightgbm
import mlflow
import mlflow.lightgbm
import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

FEATURES = [
    "age",
    "time_in_hospital",
    "num_lab_procedures",
    "num_procedures",
    "num_medications",
    "number_outpatient",
    "number_emergency",
    "number_inpatient",
    "number_diagnoses",
]


def read(path, rows):
    frame = pd.read_csv(path, na_values="?", low_memory=False, nrows=rows)
    frame["age"] = frame["age"].str.extract(r"(\d+)-", expand=False).astype(float)
    # A patient is in one part only: the parts are cut by the patient's number.
    part = np.random.default_rng(0).permutation(1 << 16)[frame["patient_nbr"].to_numpy() % (1 << 16)] / (1 << 16)
    return frame[FEATURES].astype(float), (frame["readmitted"] == "<30").astype(int), part


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", help="CSV file, plain or gzipped")
    parser.add_argument("--rows", type=int, default=30000)
    parser.add_argument("--learning-rate", type=float, default=0.1)
    parser.add_argument("--num-leaves", type=int, default=15)
    parser.add_argument("--min-child-samples", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=60)
    args = parser.parse_args()

    features, labels, part = read(args.data, args.rows)
    train, valid, test = part < 0.7, (part >= 0.7) & (part < 0.85), part >= 0.85
    params = {
        "objective": "binary",
        "learning_rate": args.learning_rate,
        "num_leaves": args.num_leaves,
        "min_child_samples": args.min_child_samples,
        "num_threads": 1,
        "verbosity": -1,
        "seed": 0,
    }
    with mlflow.start_run():
        mlflow.log_params({**params, "rounds": args.rounds})
        booster = lightgbm.train(params, lightgbm.Dataset(features[train], labels[train]), args.rounds)
        for name, rows in {"valid_auc": valid, "holdout_auc": test}.items():
            score = roc_auc_score(labels[rows], booster.predict(features[rows]))
            mlflow.log_metric(name, score)
            print(f"{name}={score:.4f}")
        mlflow.lightgbm.log_model(
            booster,
            name="booster",
            input_example=features[test].head(2),
            pip_requirements=["mlflow-skinny", "lightgbm", "pandas"],
        )


if __name__ == "__main__":
    main()
