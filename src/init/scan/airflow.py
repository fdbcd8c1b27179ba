"""DAGs of Airflow: classic operators, ``>>``, and the decorators ``@dag`` and ``@task``."""

from __future__ import annotations

import ast

from values import Values, is_number

MOST_TASKS = 200


class Dags:
    """The first DAG of a source, with its tasks and their order."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.dag: dict[str, object] | None = None
        self.tasks: dict[str, dict[str, object]] = {}
        self.edges: list[list[str]] = []
        self.held: dict[str, list[str]] = {}  # variable: ids of the tasks that it holds

    def declare(self, node: ast.Call | None, fallback: str) -> None:
        """Keep id, schedule and defaults of ``DAG(…)`` or ``@dag(…)``."""
        if self.dag is not None:
            return
        values = self.values
        schedule = values.keyword(node, "schedule", "schedule_interval")
        named = values.of(values.keyword(node, "dag_id") or (node.args[0] if node and node.args else None))
        text = values.of(schedule)
        self.dag = {
            "id": named if isinstance(named, str) else fallback,
            "cron": text if isinstance(text, str) else None,
            "every": values.seconds(schedule),
            **_trying(values.mapping(values.keyword(node, "default_args"))),
        }

    def decorated(self, name: str, decorator: ast.Call | None) -> None:
        """Keep the task that a function with ``@task`` is."""
        self._add(name, "@task", decorator, {"callable": name})

    def task_of(self, node: ast.Call) -> str | None:
        """Keep the task that a call makes, and return its id; None when it makes none."""
        values, name = self.values, self.values.dotted(node.func)
        identity = values.named(node, "task_id")
        if not isinstance(identity, str):
            return name if name in self.tasks and self.tasks[name]["operator"] == "@task" else None
        function = values.keyword(node, "python_callable")
        texts = {
            "command": values.named(node, "bash_command"),
            "cwd": values.named(node, "cwd"),
            "image": values.named(node, "image"),
            "callable": values.dotted(function) if function is not None else None,
        }
        known = {key: text for key, text in texts.items() if isinstance(text, str)}
        self._add(identity, name.split(".")[-1], node, known)
        return identity

    def called(self, node: ast.Call) -> None:
        """Keep a task, and that it comes after those whose results it takes."""
        identity = self.task_of(node)
        if identity is None:
            return
        for argument in [*node.args, *(k.value for k in node.keywords)]:
            self._order(self.chain(argument), [identity])

    def assigned(self, target: ast.AST, value: ast.AST) -> None:
        """Learn which tasks a variable holds."""
        if isinstance(target, ast.Name):
            found = self.chain(value)
            if found:
                self.held[target.id] = found

    def chain(self, node: ast.AST) -> list[str]:
        """Return the tasks at the end of ``a >> [b, c]``, and keep the order of all in it."""
        match node:
            case ast.BinOp(left=left, op=ast.RShift() | ast.LShift() as operator, right=right):
                first, second = self.chain(left), self.chain(right)
                self._order(*((first, second) if isinstance(operator, ast.RShift) else (second, first)))
                return second
            case ast.List(elts=items) | ast.Tuple(elts=items):
                return [identity for item in items for identity in self.chain(item)]
            case ast.Name(id=name):
                return self.held.get(name, [])
            case ast.Attribute(value=inner):
                return self.chain(inner)  # of an operator: .output
            case ast.Call():
                identity = self.task_of(node)
                return [identity] if identity else []
        return []

    def _order(self, before: list[str], after: list[str]) -> None:
        for pair in ([first, second] for first in before for second in after):
            if pair not in self.edges and len(self.edges) < MOST_TASKS:
                self.edges.append(pair)

    def _add(self, identity: str, operator: str, node: ast.Call | None, texts: dict[str, str]) -> None:
        if identity in self.tasks or len(self.tasks) >= MOST_TASKS:
            return
        own = {k.arg: self.values.timed(k.value) for k in node.keywords if k.arg} if node else {}
        empty = {"command": None, "cwd": None, "image": None, "callable": None}
        self.tasks[identity] = {"id": identity, "operator": operator, **empty, **texts, **_trying(own)}


def _trying(given: dict[str, object]) -> dict[str, object]:
    """Return how often it is tried, and how long, in seconds."""
    names = {"retries": "retries", "retryDelay": "retry_delay", "timeout": "execution_timeout"}
    found = {ours: given.get(theirs) for ours, theirs in names.items()}
    return {key: value if is_number(value) else None for key, value in found.items()}
