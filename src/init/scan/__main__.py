"""Reads Python sources and tells what is in them; nothing of them is run.

Stdin: JSON, ``{path: source}``. Stdout: JSON, ``{path: facts}`` with the facts that ``sources.ts`` describes, or
``{"error": …}`` for a source that is no Python of this version. Needs Python 3.10 and nothing else.
"""

from __future__ import annotations

import ast
import json
import sys
import warnings

import calls
from airflow import Dags
from values import Values

MOST_CALLS = 2_000
MOST_OPTIONS = 200


def constants(sources: dict[str, str]) -> dict[str, object]:
    """Return the simple values that modules define, by dotted name; those that cannot be read define none."""
    known: dict[str, object] = {}
    for path, text in sources.items():
        try:
            tree = _parsed(text)
            values = Values()
            for node in tree.body:
                if isinstance(node, ast.Import | ast.ImportFrom):
                    values.imported(node)
                elif isinstance(node, ast.Assign):
                    values.assigned(node.targets[0], node.value)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for name, value in values.variables.items():
            if value is not None:
                known[f"{module}.{name}"] = known[f"{module.removeprefix('src.')}.{name}"] = value
    return known


def facts(path: str, text: str, known: dict[str, object]) -> dict[str, object]:
    """Return what a source tells, or why it cannot be read.

    Args:
        path: Where it lies in the project.
        text: The source.
        known: What ``constants`` returns of all sources.
    """
    try:
        tree = _parsed(text)
        scan = Source(tree, Values(known, ".".join(path.split("/")[:-1])))
        # Twice: a name may be used above the place where it gets its value. What is known already is not kept again.
        scan.visit(tree)
        scan.visit(tree)
        return scan.facts()
    except SyntaxError as error:
        return {"error": f"line {error.lineno}: {error.msg}"}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def _parsed(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in other people's texts
        return ast.parse(text)


class Source(ast.NodeVisitor):
    """Collects the facts of a source."""

    def __init__(self, tree: ast.Module, values: Values) -> None:
        self.values = values
        self.dags = Dags(self.values)
        self.doc = (ast.get_docstring(tree) or "").strip().split("\n")[0][:200]
        self.main = False
        self.imports: dict[str, None] = {}
        self.calls: dict[str, int] = {}
        self.options: dict[str, dict[str, object]] = {}
        self.suggestions: dict[str, dict[str, object]] = {}
        self.environment: dict[str, str | None] = {}
        self.routes: dict[str, None] = {}
        self.texts: dict[str, dict[str, None]] = {fact: {} for fact in calls.FACTS}

    def facts(self) -> dict[str, object]:
        """Return what was collected, in the order of the source."""
        return {
            "doc": self.doc,
            "main": self.main,
            "imports": [*self.imports],
            "calls": self.calls,
            "options": [*self.options.values()],
            "suggestions": [*self.suggestions.values()],
            "environment": self.environment,
            "routes": [*self.routes],
            **{fact: [*found] for fact, found in self.texts.items()},
            "dag": self.dags.dag,
            "tasks": [*self.dags.tasks.values()],
            "edges": self.dags.edges,
        }

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note what is imported, and under which name."""
        self.imports.update(dict.fromkeys(self.values.imported(node)))

    visit_ImportFrom = visit_Import

    def visit_For(self, node: ast.For) -> None:
        """Learn the values of the loop's variables."""
        self.values.looped(node.target, node.iter)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """See whether the source is a program."""
        test = ast.dump(node.test)
        self.main = self.main or ("__name__" in test and "__main__" in test)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Learn what a name stands for."""
        for target in node.targets:
            self.values.assigned(target, node.value)
            self.dags.assigned(target, node.value)
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Likewise with a type."""
        if node.value is not None:
            self.values.assigned(node.target, node.value)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Look at the decorators: options of click, routes of an API, DAGs and tasks of Airflow."""
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = self.values.dotted(call.func if call else decorator)
            last = name.split(".")[-1]
            if call and "click" in name and last in ("option", "argument"):
                self._option(calls.option(self.values, call, click=True))
            elif call and last in ("get", "post", "route", "api_route"):
                self._route(call)
            elif "airflow" in name and last == "dag":
                self.dags.declare(call, fallback=node.name)
            elif "airflow" in name and "task" in name.split("."):
                self.dags.decorated(node.name, call)
        self.generic_visit(node)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Return):
                self.values.returns(node.name, inner.value)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Note ``os.environ["NAME"]``."""
        name = self.values.of(node.slice)
        if self.values.dotted(node.value) == "os.environ" and isinstance(name, str):
            self.environment.setdefault(name, None)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Keep the order of ``a >> b``."""
        if isinstance(node.op, ast.RShift | ast.LShift):
            self.dags.chain(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Keep what a call tells."""
        name = self.values.dotted(node.func)
        last = name.split(".")[-1]
        if name and len(self.calls) < MOST_CALLS:
            self.calls.setdefault(name[:200], node.lineno)
        if last == "add_argument":
            self._option(calls.option(self.values, node, click=False))
        elif last == "DAG":
            self.dags.declare(node, fallback="dag")
        elif name in ("os.getenv", "os.environ.get"):
            self._variable(node)
        elif last in ("path", "re_path") and "django" in name:
            self._route(node)
        else:
            for fact, text in calls.texts(self.values, node, name):
                self.texts[fact].setdefault(text)
            suggested = calls.suggestion(self.values, node, name)
            if suggested:
                self.suggestions.setdefault(suggested["name"], suggested)
        self.dags.called(node)
        self.generic_visit(node)

    def _option(self, found: dict[str, object] | None) -> None:
        if found and len(self.options) < MOST_OPTIONS:
            # The second pass knows more: a default may be a name that is given its value further down.
            self.options[found["dest"]] = found
            self.values.defaults[found["dest"]] = found["default"]

    def _variable(self, node: ast.Call) -> None:
        name, default = self.values.argument(node, 0, "key"), self.values.argument(node, 1, "default")
        if isinstance(name, str) and self.environment.get(name) is None:
            self.environment[name] = str(default) if default is not None else None

    def _route(self, node: ast.Call) -> None:
        path = self.values.argument(node, 0, "path", "rule", "route")
        if isinstance(path, str):
            self.routes.setdefault("/" + path.strip("/^$"))


if __name__ == "__main__":
    # Sources seldom nest deeper than this; a hostile one must not take the process down.
    sys.setrecursionlimit(2_000)
    sources = json.load(sys.stdin)
    known = constants(sources)
    json.dump({path: facts(path, text, known) for path, text in sources.items()}, sys.stdout, default=str)
