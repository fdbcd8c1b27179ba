import os
import joblib
import mlflow
import pandas as pd
from sklearn.neural_network import MLPClassifier

def train(table, epochs, model_dir):
    df = pd.read_parquet(table)
    clf = MLPClassifier(max_iter=epochs).fit(df[["a", "b"]], df["label"])
    mlflow.set_experiment("pets")
    with mlflow.start_run():
        scores = {"accuracy": clf.score(df[["a", "b"]], df["label"])}
        mlflow.log_metrics({f"test_{k}": v for k, v in scores.items()})
    joblib.dump(clf, os.path.join(model_dir, "clf.joblib"))
