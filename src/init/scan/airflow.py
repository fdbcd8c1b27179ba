"""DAGs of Airflow: classic operators, ``>>``, and the decorators ``@dag`` and ``@task``."""

from __future__ import annotations

import ast

from values import Function, Values, is_number

MOST_TASKS = 200
#: Stands for what is known only where the task runs; a shell would read it as a variable.
BLANK = "$unknown"
#: What makes one task of another one, without a change of its name.
VARIANTS = ("override", "partial", "expand", "expand_kwargs")


class Dags:
    """The DAGs of a source, each with its tasks and their order."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.dags: list[dict[str, object]] = []
        self.tasks: dict[str, dict[str, object]] = {}  # of the DAG that was declared last
        self.edges: list[list[str]] = []
        self.held: dict[str, list[str]] = {}  # variable: ids of the tasks that it holds
        self.decorated: dict[str, tuple[Function, ast.Call | None, str]] = {}

    def declare(self, node: ast.Call | None, fallback: str) -> None:
        """Begin with a DAG: id, schedule and defaults of ``DAG(…)`` or ``@dag(…)``."""
        values = self.values
        schedule, start = values.keyword(node, "schedule", "schedule_interval", "timetable"), None
        zones = [values.text(node, "timezone", "tz")]
        if isinstance(schedule, ast.Call) and values.dotted(schedule.func).endswith("Timetable"):
            zones.insert(0, values.text(schedule, "timezone"))
            schedule = schedule.args[0] if schedule.args else values.keyword(schedule, "cron", "delta")
        start = values.keyword(node, "start_date")
        if isinstance(start, ast.Call):
            zones.append(values.text(start, "tz", "timezone"))
        tags, named, cron = values.named(node, "tags"), values.argument(node, 0, "dag_id"), values.of(schedule)
        self.tasks, self.edges = {}, []
        self.dags.append(
            {
                "id": named if isinstance(named, str) else fallback,
                "cron": cron if isinstance(cron, str) else None,
                "every": values.seconds(schedule),
                "timeZone": next(filter(None, zones), None),
                "tags": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
                **_trying(values.mapping(values.keyword(node, "default_args"))),
                "tasks": self.tasks,
                "edges": self.edges,
            }
        )

    def task_of(self, node: ast.Call) -> str | None:
        """Keep the task that a call makes, and return its id; None when it makes none."""
        values, function = self.values, node.func
        while isinstance(function, ast.Call) or (isinstance(function, ast.Attribute) and function.attr in VARIANTS):
            function = function.func if isinstance(function, ast.Call) else function.value
        if isinstance(function, ast.Name) and function.id in self.decorated:
            body, decorator, kind = self.decorated[function.id]
            identity = values.text(decorator, "task_id") or body.name
            command = self._text(next((r.value for r in ast.walk(body) if isinstance(r, ast.Return)), None))
            own = {"command": command} if kind.endswith(".bash") else {"callable": body.name}
            self._add(identity, f"@{kind.split('decorators.')[-1]}", decorator, own, body)
            return identity
        identity = values.text(node, "task_id")
        if identity is None:
            return None
        called = values.keyword(node, "python_callable")
        texts = {
            "command": self._text(values.keyword(node, "bash_command")),
            "cwd": self._text(values.keyword(node, "cwd")),
            "callable": values.dotted(called) if called is not None else None,
        }
        found = values.definition(called) if called is not None else None
        self._add(identity, values.dotted(node.func).split(".")[-1], node, texts, found[1] if found else None)
        return identity

    def _text(self, node: ast.AST | None) -> object:
        """Return a text, what is unknown of it left blank."""
        self.values.blank = BLANK
        try:
            return self.values.of(node)
        finally:
            self.values.blank = None

    def called(self, node: ast.Call) -> None:
        """Keep a task, and that it comes after those whose results it takes; and the order of ``chain(a, b)``."""
        if not self.dags:
            return
        before = [held for arg in [*node.args, *(k.value for k in node.keywords)] for held in self.chain(arg)]
        identity = self.task_of(node)
        self._order(before, [] if identity is None else [identity])
        name = self.values.dotted(node.func).split(".")[-1]
        if name in ("chain", "chain_linear"):
            for first, second in zip(node.args, node.args[1:], strict=False):
                self._order(self.chain(first), self.chain(second))
        elif name in ("set_downstream", "set_upstream") and isinstance(node.func, ast.Attribute) and node.args:
            one, other = self.chain(node.func.value), self.chain(node.args[0])
            self._order(*((one, other) if name == "set_downstream" else (other, one)))

    def assigned(self, target: ast.AST, value: ast.AST) -> None:
        """Learn which tasks a variable holds."""
        if isinstance(target, ast.Name) and self.dags:
            self.held.update({target.id: found} if (found := self.chain(value)) else {})

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
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return self.chain(inner)  # of an operator: .output; of a result: ["run"]
            case ast.Call():
                identity = self.task_of(node)
                return [identity] if identity else []
        return []

    def _order(self, before: list[str], after: list[str]) -> None:
        for pair in ([first, second] for first in before for second in after):
            if pair not in self.edges and len(self.edges) < MOST_TASKS:
                self.edges.append(pair)

    def _add(
        self, identity: str, operator: str, node: ast.Call | None, texts: dict[str, object], body: ast.AST | None
    ) -> None:
        if identity in self.tasks or len(self.tasks) >= MOST_TASKS:
            return
        own = {k.arg: self.values.timed(k.value) for k in node.keywords if k.arg} if node else {}
        known = {key: text if isinstance(text := texts.get(key), str) else None for key in _TEXTS}
        given = self.values.mapping(self.values.keyword(node, "env"))
        env = {key: text for key, text in given.items() if isinstance(text, str)}
        self.tasks[identity] = {"id": identity, "operator": operator, **known, "env": env, **_trying(own), "does": body}


_TEXTS = ("command", "cwd", "callable")


def _trying(given: dict[str, object]) -> dict[str, object]:
    """Return how often it is tried, and how long, in seconds."""
    names = {"retries": "retries", "retryDelay": "retry_delay", "timeout": "execution_timeout"}
    return {key: value if is_number(value := given.get(theirs)) else None for key, theirs in names.items()}
