"""Scores a model on the odd rows. Usage: evaluate.py DATA MODEL_URI"""

import json
import os
import sys

import mlflow
import pandas as pd
from sklearn.metrics import roc_auc_score

data, uri = sys.argv[1:]
test = pd.read_csv(data).iloc[1::2]
model = mlflow.sklearn.load_model(uri)
auc = roc_auc_score(test["late"], model.predict_proba(test[["km", "kg"]])[:, 1])
with open(os.environ["MEDIWATCH_RESULT"], "w") as file:
    json.dump({"result": {"auc": auc}}, file)
