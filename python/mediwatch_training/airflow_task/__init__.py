"""Runs one task of an Airflow DAG without Airflow, as a step of a retrain or by hand.

`standin` takes the place of the package ``airflow`` while the DAG's file is loaded; `models` is what it finds there,
`context` what a task is given, and `command` runs a task. What a task returns lies in a folder, as files. It needs the
standard library alone, because it runs in the environment of the project.
"""
