from pathlib import Path
import mlflow
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import mean_absolute_error
ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data" / "prices.csv"

def run(alpha: float = 1.0) -> None:
    df = pd.read_csv(DATA)
    with mlflow.start_run():
        m = Ridge(alpha).fit(df[["x"]], df["y"])
        mlflow.log_metric("valid_mae", mean_absolute_error(df["y"], m.predict(df[["x"]])))
        mlflow.sklearn.log_model(m, name="ridge", registered_model_name="prices")

if __name__ == "__main__":
    run()
