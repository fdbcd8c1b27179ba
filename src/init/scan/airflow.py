"""DAGs of Airflow: classic operators, ``>>``, and the decorators ``@dag`` and ``@task``."""

from __future__ import annotations

import ast

from values import Values, is_number

MOST_TASKS = 200
#: Stands for what is known only where the task runs; a shell would read it as a variable.
BLANK = "$unknown"


class Dags:
    """The DAGs of a source, each with its tasks and their order."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.dags: list[dict[str, object]] = []
        self.tasks: dict[str, dict[str, object]] = {}  # of the DAG that was declared last
        self.edges: list[list[str]] = []
        self.held: dict[str, list[str]] = {}  # variable: ids of the tasks that it holds
        self.decorated: dict[str, tuple[ast.FunctionDef | ast.AsyncFunctionDef, ast.Call | None, str]] = {}
        self.callables: dict[int, ast.AST] = {}  # by the task's identity: what it calls

    def declare(self, node: ast.Call | None, fallback: str, doc: str = "") -> None:
        """Begin with a DAG: id, schedule and defaults of ``DAG(…)`` or ``@dag(…)``."""
        values = self.values
        schedule = values.keyword(node, "schedule", "schedule_interval", "timetable")
        zone = values.named(node, "timezone", "tz") if node else None
        if isinstance(schedule, ast.Call) and values.dotted(schedule.func).endswith("Timetable"):
            zone = values.named(schedule, "timezone") or zone
            schedule = schedule.args[0] if schedule.args else values.keyword(schedule, "cron", "delta")
        defaults = values.keyword(node, "default_args")
        given = values.mapping(defaults)
        start = values.keyword(node, "start_date")
        if isinstance(start, ast.Call):
            zone = zone or values.named(start, "tz", "timezone")
        named = values.of(values.keyword(node, "dag_id") or (node.args[0] if node and node.args else None))
        text = values.of(schedule)
        described = values.named(node, "description", "doc_md") if node else ""
        tags = values.named(node, "tags") if node else []
        self.tasks, self.edges = {}, []
        self.dags.append(
            {
                "id": named if isinstance(named, str) else fallback,
                "cron": text if isinstance(text, str) else None,
                "every": values.seconds(schedule),
                "timeZone": zone if isinstance(zone, str) else None,
                "tags": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
                "about": " ".join(filter(None, [described if isinstance(described, str) else "", doc]))[:500],
                **_trying(given),
                "tasks": self.tasks,
                "edges": self.edges,
            }
        )

    def decorate(self, function: ast.FunctionDef | ast.AsyncFunctionDef, decorator: ast.Call | None, name: str) -> None:
        """Remember a function with ``@task``: calling it makes the task."""
        self.decorated[function.name] = (function, decorator, name)

    def task_of(self, node: ast.Call) -> str | None:
        """Keep the task that a call makes, and return its id; None when it makes none."""
        values, function = self.values, node.func
        while isinstance(function, ast.Attribute | ast.Call):
            named = isinstance(function, ast.Call) or function.attr in (
                "override",
                "partial",
                "expand",
                "expand_kwargs",
            )
            if not named:
                break
            function = function.func if isinstance(function, ast.Call) else function.value
        if isinstance(function, ast.Name) and function.id in self.decorated:
            body, decorator, kind = self.decorated[function.id]
            text = values.named(decorator, "task_id") if decorator else None
            identity = text if isinstance(text, str) else body.name
            command = self._text(next((r.value for r in ast.walk(body) if isinstance(r, ast.Return)), None))
            own = {"command": command} if kind.endswith(".bash") else {"callable": body.name}
            self._add(identity, f"@{kind.split('decorators.')[-1]}", decorator, own, body)
            return identity
        identity = values.named(node, "task_id")
        if not isinstance(identity, str):
            return None
        called = values.keyword(node, "python_callable")
        found = values.definition(called) if called is not None else None
        texts = {
            "command": self._text(values.keyword(node, "bash_command")),
            "cwd": self._text(values.keyword(node, "cwd")),
            "callable": values.dotted(called) if called is not None else None,
        }
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
        """Keep a task, and that it comes after those whose results it takes."""
        if not self.dags:
            return
        before = [held for arg in [*node.args, *(k.value for k in node.keywords)] for held in self.chain(arg)]
        identity = self.task_of(node)
        if identity is not None:
            self._order(before, [identity])

    def assigned(self, target: ast.AST, value: ast.AST) -> None:
        """Learn which tasks a variable holds."""
        if isinstance(target, ast.Name) and self.dags:
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
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                return self.chain(inner)  # of an operator: .output; of a result: ["run"]
            case ast.Call():
                identity = self.task_of(node)
                return [identity] if identity else []
        return []

    def in_order(self, node: ast.Call) -> None:
        """Keep the order of ``chain(a, b, c)``, and of ``a.set_downstream(b)``."""
        name = self.values.dotted(node.func).split(".")[-1]
        if name in ("chain", "chain_linear"):
            for before, after in zip(node.args, node.args[1:], strict=False):
                self._order(self.chain(before), self.chain(after))
        elif name in ("set_downstream", "set_upstream") and isinstance(node.func, ast.Attribute) and node.args:
            one, other = self.chain(node.func.value), self.chain(node.args[0])
            self._order(*((one, other) if name == "set_downstream" else (other, one)))

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
        self.tasks[identity] = {"id": identity, "operator": operator, **known, "env": env, **_trying(own)}
        if body is not None:
            self.callables[id(self.tasks[identity])] = body


_TEXTS = ("command", "cwd", "callable")


def _trying(given: dict[str, object]) -> dict[str, object]:
    """Return how often it is tried, and how long, in seconds."""
    names = {"retries": "retries", "retryDelay": "retry_delay", "timeout": "execution_timeout"}
    found = {ours: given.get(theirs) for ours, theirs in names.items()}
    return {key: value if is_number(value) else None for key, value in found.items()}
