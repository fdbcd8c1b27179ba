"""The DAG that MediWatch's orchestrator replaces; kept to compare with mediwatch.yaml."""

from datetime import datetime, timedelta

from airflow import DAG
from airflow.operators.bash import BashOperator

with DAG(
    dag_id="readmission_retrain",
    schedule="0 2 * * *",
    start_date=datetime(2025, 9, 1),
    catchup=False,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=5)},
) as dag:
    prepare = BashOperator(task_id="prepare_data", bash_command="python -m scripts.prepare_data")
    search = BashOperator(task_id="search", bash_command="python -m scripts.search_optuna --trials 10")
    train = BashOperator(task_id="train", bash_command="python -m scripts.train_mlflow --register")
    prepare >> search >> train
