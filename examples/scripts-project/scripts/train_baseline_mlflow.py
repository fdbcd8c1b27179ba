"""Trains a baseline without tuning and logs it to MLflow."""

import argparse

import mlflow
import mlflow.sklearn
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from scripts.common import EXPERIMENT, load, pipeline


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/processed")
    parser.add_argument("--model", choices=["rf", "dummy"], default="rf")
    args = parser.parse_args()

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name=f"baseline-{args.model}"):
        classifier = (
            RandomForestClassifier(n_estimators=100, min_samples_leaf=20, random_state=0)
            if args.model == "rf"
            else DummyClassifier()
        )
        model = pipeline(classifier).fit(*load(args.data, "train"))
        features, labels = load(args.data, "test")
        mlflow.log_param("model", args.model)
        mlflow.log_metric("test_roc_auc", roc_auc_score(labels, model.predict_proba(features)[:, 1]))
        mlflow.sklearn.log_model(model, artifact_path="model", pip_requirements=["mlflow", "scikit-learn", "pandas"])


if __name__ == "__main__":
    main()
