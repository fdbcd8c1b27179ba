"""Learns the yield of wheat once a week."""

from airflow.decorators import dag, task


@dag(schedule="30 4 * * 1", catchup=False, default_args={"start_date": "2026-01-05", "retries": 2}, tags=["production"])
def wheat_weekly():
    @task
    def harvest(rows: int = 300) -> dict:
        import numpy as np

        dice = np.random.default_rng(10)
        rain, nitrogen = dice.normal(430, 80, rows), dice.uniform(40, 200, rows)
        tons = 2 + rain / 150 + nitrogen / 60 + dice.normal(0, 0.4, rows)
        return {"rain": rain.tolist(), "nitrogen": nitrogen.tolist(), "yield": tons.tolist()}

    @task
    def learn(table: dict, alpha: float = 1.0) -> float:
        import mlflow
        import pandas as pd
        from sklearn.linear_model import Ridge
        from sklearn.metrics import root_mean_squared_error

        rows = pd.DataFrame(table)
        X, y = rows[["rain", "nitrogen"]], rows["yield"]
        with mlflow.start_run():
            model = Ridge(alpha).fit(X[:200], y[:200])
            error = float(root_mean_squared_error(y[200:], model.predict(X[200:])))
            mlflow.log_metric("test_rmse", error)
            mlflow.sklearn.log_model(
                model,
                name="model",
                input_example=X[:2],
                pip_requirements=["mlflow", "scikit-learn", "pandas"],
                serialization_format="cloudpickle",
            )
        return error

    @task
    def tell(error: float) -> None:
        print(f"The yield is known to {error:.2f} t/ha")

    tell(learn(harvest()))


wheat_weekly()
