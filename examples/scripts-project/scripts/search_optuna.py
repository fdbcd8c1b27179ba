"""Searches hyperparameters with Optuna; each trial is a run nested in one parent run."""

import argparse

import mlflow
import optuna
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from scripts.common import EXPERIMENT, load, pipeline


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="data/processed")
    parser.add_argument("--trials", type=int, default=10)
    parser.add_argument("--seed", type=int, default=42)
    args = parser.parse_args()

    mlflow.set_experiment(EXPERIMENT)
    train, validation = load(args.data, "train"), load(args.data, "validation")

    def objective(trial):
        params = {
            "lr": trial.suggest_float("lr", 0.01, 0.3, log=True),
            "n_estimators": trial.suggest_int("n_estimators", 10, 60),
            "max_depth": trial.suggest_int("max_depth", 2, 4),
        }
        with mlflow.start_run(run_name=f"trial-{trial.number}", nested=True):
            mlflow.log_params(params)
            model = pipeline(
                GradientBoostingClassifier(
                    learning_rate=params["lr"],
                    n_estimators=params["n_estimators"],
                    max_depth=params["max_depth"],
                    subsample=0.5,
                    random_state=0,
                )
            ).fit(*train)
            auc = roc_auc_score(validation[1], model.predict_proba(validation[0])[:, 1])
            mlflow.log_metric("val_roc_auc", auc)
        return auc

    with mlflow.start_run(run_name="optuna"):
        study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=args.seed))
        study.optimize(objective, n_trials=args.trials)
        mlflow.log_metric("best_val_roc_auc", study.best_value)
        mlflow.log_dict(study.best_params, "best_params.json")


if __name__ == "__main__":
    main()
