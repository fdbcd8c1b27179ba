import sys
import mlflow
import pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier

def main(path, lr):
    df = pd.read_csv(path)
    m = HistGradientBoostingClassifier(learning_rate=lr).fit(df.iloc[:, :-1], df.iloc[:, -1])
    mlflow.log_metric("auc", 1.0)
    mlflow.sklearn.log_model(m, "model", registered_model_name="risk")

main(sys.argv[1], float(sys.argv[2]) if len(sys.argv) > 2 else 0.1)
