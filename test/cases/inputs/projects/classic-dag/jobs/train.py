import argparse
import mlflow
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
def main():
    p = argparse.ArgumentParser(); p.add_argument("--data", required=True); p.add_argument("--max-depth", type=int, default=5)
    p.add_argument("--run-date")
    a = p.parse_args()
    mlflow.set_experiment("late")
    tr, te = pd.read_csv(f"{a.data}/train.csv"), pd.read_csv(f"{a.data}/test.csv")
    with mlflow.start_run(run_name=a.run_date):
        m = DecisionTreeClassifier(max_depth=a.max_depth).fit(tr[["km"]], tr.late)
        mlflow.log_metric("test_accuracy", m.score(te[["km"]], te.late))
        mlflow.sklearn.log_model(m, "model", registered_model_name="late-trips")
if __name__ == "__main__":
    main()
