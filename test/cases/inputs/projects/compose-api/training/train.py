import argparse, os
import mlflow
import pandas as pd
import xgboost as xgb
from utils import split

def main():
    p = argparse.ArgumentParser()
    p.add_argument("--csv", default="../data/loans.csv")
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--eta", type=float, default=0.1)
    args = p.parse_args()
    bucket = os.environ["S3_BUCKET"]
    train, val, test = split(pd.read_csv(args.csv))
    params = {"eta": args.eta, "objective": "binary:logistic", "eval_metric": "auc"}
    with mlflow.start_run():
        booster = xgb.train(params, xgb.DMatrix(train), args.rounds)
        metrics = {}
        for name, part in [("valid", val), ("test", test)]:
            metrics[f"{name}_auc"] = 0.5
        mlflow.log_metrics(metrics)
        mlflow.xgboost.log_model(booster, "model", registered_model_name=os.getenv("MODEL_NAME", "loan-default"))

if __name__ == "__main__":
    main()
