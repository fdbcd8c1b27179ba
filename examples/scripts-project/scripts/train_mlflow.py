"""Trains gradient boosting, logs it to MLflow, and registers it when asked to."""

import argparse

import mlflow
import mlflow.sklearn
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score

from scripts.common import EXPERIMENT, MODEL_NAME, load, pipeline


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/processed")
    parser.add_argument("--lr", type=float, default=0.1)
    parser.add_argument("--n-estimators", type=int, default=50)
    parser.add_argument("--max-depth", type=int, default=3)
    parser.add_argument("--register", action="store_true")
    args = parser.parse_args()

    mlflow.set_experiment(EXPERIMENT)
    with mlflow.start_run(run_name="gbt"):
        mlflow.log_params({"lr": args.lr, "n_estimators": args.n_estimators, "max_depth": args.max_depth})
        features, labels = load(args.data, "train")
        model = pipeline(
            GradientBoostingClassifier(
                learning_rate=args.lr,
                n_estimators=args.n_estimators,
                max_depth=args.max_depth,
                subsample=0.5,
                random_state=0,
            )
        )
        model.fit(features, labels)
        for split, prefix in (("validation", "val"), ("test", "test")):
            features, labels = load(args.data, split)
            probability = model.predict_proba(features)[:, 1]
            mlflow.log_metric(f"{prefix}_roc_auc", roc_auc_score(labels, probability))
            mlflow.log_metric(f"{prefix}_logloss", log_loss(labels, probability))
        mlflow.sklearn.log_model(
            model,
            artifact_path="model",
            pip_requirements=["mlflow", "scikit-learn", "pandas"],
            input_example=features.head(2),
            registered_model_name=MODEL_NAME if args.register else None,
        )


if __name__ == "__main__":
    main()
