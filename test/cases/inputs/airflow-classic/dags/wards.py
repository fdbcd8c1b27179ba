"""Counts beds of wards each night: operators as they were before TaskFlow, with helpers beside the DAG."""

from datetime import datetime, timedelta

import pendulum
from airflow import DAG
from airflow.hooks.base import BaseHook
from airflow.models import Variable
from airflow.models.baseoperator import chain
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import BranchPythonOperator, PythonOperator, ShortCircuitOperator
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.snowflake.operators.snowflake import SnowflakeOperator
from airflow.providers.ssh.operators.ssh import SSHOperator
from airflow.sensors.python import PythonSensor
from airflow.utils.edgemodifier import Label
from airflow.utils.trigger_rule import TriggerRule

from beds import count_beds

REGION = Variable.get("region", default_var="north")


def summarise(factor, ds, params, ti, **context):
    """Names what it takes of the context; the rest comes as keywords."""
    beds = ti.xcom_pull(task_ids="count")
    ti.xcom_push(key="wards", value=sorted(beds))
    total = sum(beds.values()) * factor * params["scale"]
    return {"day": ds, "total": total, "run": context["run_id"], "region": REGION}


def secret():
    return BaseHook.get_connection("warehouse").password


with DAG(
    "wards_nightly",
    schedule_interval="@daily",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    default_args={"owner": "ops", "retries": 2, "retry_delay": timedelta(minutes=5)},
    params={"scale": 1},
    catchup=False,
) as dag:
    begin = EmptyOperator(task_id="begin")
    wait = PythonSensor(task_id="wait", python_callable=lambda: False, poke_interval=60)
    count = PythonOperator(task_id="count", python_callable=count_beds, op_kwargs={"day": "{{ ds }}", "wards": 3})
    choose = BranchPythonOperator(task_id="choose", python_callable=lambda: "summary")
    enough = ShortCircuitOperator(task_id="enough", python_callable=lambda ti: len(ti.xcom_pull("count")) > 5)
    summary = PythonOperator(task_id="summary", python_callable=summarise, op_args=[2])
    note = BashOperator(
        task_id="note",
        bash_command="echo {{ ti.xcom_pull('summary')['total'] }} $WARD {{ macros.ds_add(ds, 1) }} {{ logical_date | ds_nodash }}",
        env={"WARD": "{{ params.scale }}-{{ var.value.region }}"},
    )
    load = SnowflakeOperator(task_id="load", sql="insert")
    copies = BashOperator.partial(task_id="copies").expand(bash_command=["echo a", "echo b"])
    remote = SSHOperator(task_id="remote", command="make")
    pod = KubernetesPodOperator(task_id="pod", image="wards:1")
    hidden = PythonOperator(task_id="hidden", python_callable=secret, trigger_rule=TriggerRule.ALL_DONE)
    stop = BashOperator(task_id="stop", bash_command="echo nothing new; exit 99")
    chain(begin, wait, count, [choose, enough])
    choose >> Label("go") >> summary >> note >> [load, stop]
    hidden << note
