from datetime import datetime, timedelta
from airflow import DAG
from airflow.models import Variable
from airflow.operators.bash import BashOperator
from airflow.operators.python import PythonOperator
from airflow.operators.empty import EmptyOperator

PROJECT = Variable.get("project_dir", default_var="/opt/airflow/project")
PY = f"{PROJECT}/.venv/bin/python"
DEPTH = Variable.get("tree_depth", default_var="6")

def pull(**context):
    import pandas as pd
    df = pd.read_csv(f"{PROJECT}/data/trips.csv")
    path = f"{PROJECT}/work/trips.parquet"
    df.to_parquet(path)
    context["ti"].xcom_push(key="path", value=path)

def notify(**context):
    score = context["ti"].xcom_pull(task_ids="train")
    print(score)

with DAG(
    "late_trips",
    schedule="0 3 * * 1-5",
    start_date=datetime(2025, 1, 1),
    catchup=False,
    default_args={"owner": "ml", "retries": 2, "retry_delay": timedelta(minutes=10)},
) as dag:
    start = EmptyOperator(task_id="start")
    extract = PythonOperator(task_id="extract", python_callable=pull)
    split = BashOperator(task_id="split", bash_command=f"cd {PROJECT} && {PY} jobs/split.py --input work/trips.parquet --out-dir work/split")
    train = BashOperator(
        task_id="train",
        bash_command="cd {{ var.value.project_dir }} && " + PY + " jobs/train.py --data work/split --max-depth " + DEPTH + " --run-date {{ ds }}",
        execution_timeout=timedelta(hours=2),
        env={"OMP_NUM_THREADS": "4", "TEAM": "rides"},
    )
    tell = PythonOperator(task_id="tell", python_callable=notify)
    start >> extract >> split >> train >> tell
