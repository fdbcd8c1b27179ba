"""Learns whether a parcel comes late. Usage: train.py DATA --depth=3 --name=Parcels"""

import argparse

import mlflow
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--depth", type=int, default=2)
parser.add_argument("--name", default="")
options = parser.parse_args()

table = pd.read_csv(options.data)
train, test = table.iloc[::2], table.iloc[1::2]
columns = ["km", "kg"]
model = LogisticRegression(C=options.depth).fit(train[columns], train["late"])
with mlflow.start_run():
    mlflow.log_param("depth", options.depth)
    mlflow.log_metric("auc", roc_auc_score(test["late"], model.predict_proba(test[columns])[:, 1]))
    if options.name:
        mlflow.sklearn.log_model(model, name="model", registered_model_name=options.name)
