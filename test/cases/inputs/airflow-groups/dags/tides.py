"""Predicts tides: task groups, mapped tasks and functions that make commands, as Airflow 3 writes them."""

from airflow.sdk import Asset, dag, get_current_context, task, task_group


class Reading:
    """What JSON cannot hold."""

    def __init__(self, height):
        self.height = height


@dag(dag_id="tides", schedule=[Asset("s3://tides")], tags=["sea"])
def tides(ports: int = 3):
    @task
    def list_ports(count):
        return [f"port{number}" for number in range(count)]

    @task(task_id="measure")
    def measured(port, factor=1):
        return Reading(len(port) * factor)

    @task
    def highest(readings):
        return max(reading.height for reading in readings)

    @task.bash(env={"UNIT": "cm"}, append_env=True)
    def write(height):
        return f"echo {height} $UNIT"

    @task.docker(image="python:3.12")
    def plot(height):
        print(height)

    @task.bash
    def each(height):
        return f"echo {height}"

    @task.short_circuit
    def is_high(height):
        return height > 1000

    @task_group(group_id="checks")
    def checks(height):
        is_high(height)

        @task
        def day():
            return get_current_context()["ds"]

        day()

    readings = measured.partial(factor=2).expand(port=list_ports(ports))
    top = highest(readings)
    write(top)
    checks(top)
    plot(top)
    each.expand(height=[1, 2])
    highest(readings)


tides()
