"""Reads Python sources and says what is in them; nothing of them is run.

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
from values import Project, Values, is_given

MOST_CALLS = 2_000
MOST_OPTIONS = 200
#: Functions of the project that are followed from one program.
MOST_FOLLOWED = 400
DEEPEST = 4
#: Where a subcommand is defined, what does it, and what makes options of its parameters.
Command = tuple[Values, ast.AST, str]


def facts(path: str, tree: ast.Module, project: Project, values: Values) -> dict[str, object]:
    """Return what a source says, functions of the project that it calls included, or why it cannot be read.

    Args:
        path: Where it lies in the project.
        tree: The source.
        project: All sources.
        values: What the source itself defines.
    """
    try:
        scan = Source(values, Facts(tree))
        # Twice: a default may be a name that is given its value further down. What is known is not kept again.
        scan.visit(tree)
        scan.dags.dags.clear()
        scan.visit(tree)
        return {
            **scan.found.all(),
            "dags": [dag for dag in map(scan.dag, scan.dags.dags) if dag],
            "commands": {name: scan.done(*found, name) for name, found in scan.commands.items()},
        }
    except (ValueError, RecursionError, MemoryError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def parsed(text: str) -> ast.Module | str:
    """Return the syntax tree of a source, or why it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of odd escapes in other people's texts
            return ast.parse(text)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}"
    except (ValueError, RecursionError, MemoryError) as error:
        return f"{type(error).__name__}: {error}"[:200]


def acts(body: list[ast.stmt]) -> bool:
    """Return whether running a source does more than define names."""
    for node in body:
        match node:
            case ast.For() | ast.While() | ast.With() | ast.Expr(value=ast.Call() | ast.Await()):
                return True
            case ast.If():
                if acts(node.body) or acts(node.orelse):
                    return True
            case ast.Try():
                if acts([*node.body, *node.orelse, *node.finalbody]):
                    return True
            case _:
                pass
    return False


class Facts:
    """What was found of one program."""

    def __init__(self, tree: ast.AST) -> None:
        doc = ast.get_docstring(tree) if isinstance(tree, ast.Module) else ""
        self.doc = (doc or "").strip()[:2_000]
        self.main = False
        self.acts = isinstance(tree, ast.Module) and acts(tree.body)
        self.imports: dict[str, None] = {}
        self.calls: dict[str, None] = {}
        self.options: dict[str, dict[str, object]] = {}
        self.suggestions: dict[str, dict[str, object]] = {}
        self.environment: dict[str, str | None] = {}
        self.routes: dict[str, None] = {}
        self.mounts: dict[str, str] = {}
        self.texts: dict[str, dict[str, None]] = {fact: {} for fact in (*calls.FACTS, *calls.PLACES, "prints", "apps")}
        self.scores: dict[str, list[str]] = {}
        self.argv = 0
        self.overrides = False
        self.followed: set[tuple[str, int, str]] = set()

    def all(self) -> dict[str, object]:
        """Return what was collected, in the order of the source."""
        return {
            "doc": self.doc,
            "main": self.main,
            "acts": self.acts,
            "imports": [*self.imports],
            "calls": [*self.calls],
            "options": [*self.options.values()],
            "suggestions": [*self.suggestions.values()],
            "environment": self.environment,
            "routes": [*self.routes],
            "mounts": self.mounts,
            **{fact: [*found] for fact, found in self.texts.items()},
            "scores": self.scores,
            "argv": self.argv,
            "overrides": self.overrides,
        }


class Source(ast.NodeVisitor):
    """Collects the facts of a source, or of a function with its arguments."""

    def __init__(self, values: Values, found: Facts, depth: int = 0) -> None:
        self.values = values
        self.found = found
        self.depth = depth
        self.dags = Dags(values)
        self.commands: dict[str, Command] = {}  # subcommands of the command line
        self.parsers: dict[str, str] = {}  # variable: the subcommand that its parser is for

    def done(
        self, source: Values, body: ast.AST | None, library: str = "", command: str | None = None
    ) -> dict[str, object]:
        """Return what a function does that is a program of its own: a task, or a subcommand with its options.

        Args:
            source: Where it is defined.
            body: The function, or the branch that does a subcommand.
            library: What makes options of its parameters, ``typer`` or ``fire``; empty: its decorators, if any.
            command: The subcommand that it is.
        """
        inner = Source(source.bound({}, {}), Facts(ast.Module(body=[], type_ignores=[])))
        if command and isinstance(body, ast.FunctionDef | ast.AsyncFunctionDef):
            # First its command line: what the body calls gets the arguments by their names.
            inner.declared(body)
            if library:
                inner.takes(body, typer=library == "typer")
        for part in (*(getattr(body, "decorator_list", []) if command else []), *getattr(body, "body", [])):
            inner.visit(part)
        shared = [option for option in self.found.options.values() if command and option["command"] == command]
        for option in self.found.options.values() if command else []:
            # The configuration that a group of commands takes.
            if str(option["default"]).endswith((".yaml", ".yml", ".toml", ".json")):
                inner.found.texts["reads"].setdefault(str(option["default"]))
        return {**inner.found.all(), "options": [*inner.found.options.values(), *shared]}

    def dag(self, dag: dict[str, object]) -> dict[str, object] | None:
        """Return a DAG whose tasks say what the functions do that they call; None without tasks."""
        tasks = dag["tasks"]
        if not isinstance(tasks, dict) or not tasks:
            return None
        for task in tasks.values():
            body = self.dags.callables.get(id(task))
            task["does"] = self.done(self.values, body) if body is not None else None
        return {**dag, "tasks": [*tasks.values()]}

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Note what is imported, and under which name."""
        self.found.imports.update(dict.fromkeys(self.values.imported(node)))

    visit_ImportFrom = visit_Import

    def visit_For(self, node: ast.For) -> None:
        """Learn the values of the loop's variables."""
        self.values.looped(node.target, node.iter)
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:
        """See whether the source is a program."""
        test = ast.dump(node.test)
        self.found.main = self.found.main or ("__name__" in test and "__main__" in test)
        match node.test:
            case ast.Compare(left=chosen, ops=[ast.Eq()], comparators=[ast.Constant(value=str() as name)]):
                if name in self.parsers.values() and is_given(self.values.of(chosen)):
                    self.commands.setdefault(name, (self.values, node, ""))
        self._perhaps(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        """See what is read only in some cases."""
        self._perhaps(node)

    def _perhaps(self, node: ast.If | ast.IfExp) -> None:
        """An argument that is read after a look at how many there are need not be given."""
        before = self.found.argv
        self.generic_visit(node)
        if "argv" in ast.unparse(node.test):
            self.found.argv = before

    def visit_With(self, node: ast.With | ast.AsyncWith) -> None:
        """Learn what a name stands for."""
        for item in node.items:
            if isinstance(item.optional_vars, ast.Name):
                # A file that is opened under a name that another one had.
                self.values.variables.pop(item.optional_vars.id, None)
                self.values.assigned(item.optional_vars, item.context_expr)
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Learn what a name stands for."""
        made = self.values.dotted(node.value.func) if isinstance(node.value, ast.Call) else ""
        if isinstance(node.value, ast.Call) and made.endswith("add_parser"):
            name = self.values.argument(node.value, 0, "name")
            self.parsers |= {t.id: name for t in node.targets if isinstance(t, ast.Name) and isinstance(name, str)}
        for target in node.targets:
            self.values.assigned(target, node.value, in_order=True)
            self.dags.assigned(target, node.value)
            if isinstance(target, ast.Name) and made in ("fastapi.FastAPI", "flask.Flask"):
                self.found.texts["apps"].setdefault(target.id)
            if isinstance(node.value, ast.Call) and made.endswith(("APIRouter", "Blueprint")):
                self._mount(self.values.path, self.values.named(node.value, "prefix", "url_prefix"))
        self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Likewise with a type."""
        if node.value is not None:
            self.values.assigned(node.target, node.value, in_order=True)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Look at the decorators: options of click and typer, routes of an API, DAGs and tasks of Airflow."""
        self.declared(node)
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = self.values.dotted(call.func if call else decorator)
            last = name.split(".")[-1]
            if last == "command":
                text = self.values.argument(call, 0, "name") if call else None
                self.commands[text if isinstance(text, str) else node.name.replace("_", "-")] = (self.values, node, "")
            elif call and last in ("get", "post", "put", "route", "api_route"):
                self._route(call)
            elif "airflow" in name and last == "dag":
                self.dags.declare(call, fallback=node.name, doc=ast.get_docstring(node) or "")
            elif "airflow" in name and "task" in name.split("."):
                self.dags.decorate(node, call, name)
                return  # what it does is said of its task
        self.generic_visit(node)

    def declared(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Learn what the command line gives a function, by its decorators of click, typer and Hydra."""
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            name = self.values.dotted(call.func if call else decorator)
            last = name.split(".")[-1]
            if last in ("command", "option", "argument"):
                self.values.variables |= {arg.arg: f"<{arg.arg}>" for arg in node.args.args}
            if call and "click" in name and last in ("option", "argument"):
                self._option(calls.option(self.values, call, click=True))
            elif last == "command" and any(module == "typer" for module in self.values.names.values()):
                self.takes(node, typer=True)
            elif name == "hydra.main" and call:
                self.found.overrides = True
                folder, file = (self.values.named(call, key) for key in ("config_path", "config_name"))
                self._place("reads", f"{folder or '.'}/{str(file or '').removesuffix('.yaml')}.yaml")

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Note ``os.environ["NAME"]`` and ``sys.argv[2]``."""
        key, name = self.values.of(node.slice), self.values.dotted(node.value)
        if name == "os.environ" and isinstance(key, str):
            self.found.environment.setdefault(key, None)
        if name == "sys.argv" and isinstance(key, int):
            self.found.argv = max(self.found.argv, key)
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        """Keep the order of ``a >> b``."""
        if isinstance(node.op, ast.RShift | ast.LShift) and self.dags.dags:
            self.dags.chain(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Keep what a call says, and follow it into the function of the project that it calls."""
        values, found = self.values, self.found
        name = values.dotted(node.func)
        last = name.split(".")[-1]
        if name and len(found.calls) < MOST_CALLS:
            found.calls.setdefault(name[:200])
        if last == "add_argument":
            found_option = calls.option(values, node, click=False)
            on = (
                node.func.value.id
                if isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name)
                else ""
            )
            self._option(found_option and {**found_option, "command": self.parsers.get(on)})
        elif last == "set_defaults" and isinstance(node.func, ast.Attribute) and isinstance(node.func.value, ast.Name):
            command = self.parsers.get(node.func.value.id)
            for keyword in node.keywords if command else []:
                self._command(keyword.value, command)
        elif last == "command()" and node.args:
            self._command(node.args[0], values.argument(node.func, 0, "name"), "typer")  # app.command("fit")(function)
        elif last == "add_command" and node.args:
            self._command(node.args[0], values.argument(node, 1, "name"))
        elif last == "add_typer" and node.args:
            self._group(node.args[0], values.named(node, "name"))
        elif last == "DAG":
            self.dags.declare(node, fallback="dag")
        elif name in ("os.getenv", "os.environ.get") or name.endswith("Variable.get"):
            self._variable(node, of_airflow=name.endswith("Variable.get"))
        elif last in ("path", "re_path") and "django" in name:
            inner = node.args[1] if len(node.args) > 1 else None
            if isinstance(inner, ast.Call) and values.dotted(inner.func).endswith("include"):
                module = values.argument(inner, 0)
                source = values.project.source(str(module)) if values.project else None
                self._mount(source.path if source else None, values.argument(node, 0, "route"))
            else:
                self._route(node)
        elif last in ("include_router", "register_blueprint") and node.args:
            source, _ = (values.project and values.project.find(values.dotted(node.args[0]), values.package)) or (
                values,
                "",
            )
            self._mount(source.path, values.named(node, "prefix", "url_prefix"))
        elif name == "typer.run" and node.args:
            function = values.definition(node.args[0])
            if function and not isinstance(function[1], ast.ClassDef):
                self.takes(function[1], typer=True)
        elif name == "fire.Fire":
            self._fired(node.args[0] if node.args else None)
        elif last == "split" and node.args and values.of(node.args[0]) == "=":
            found.overrides = found.overrides or "sys" in found.imports
        elif name in ("print", "typer.echo", "click.echo"):
            found.texts["prints"].update(dict.fromkeys(filter(None, [calls.printed(node)])))
        values.updated(node)
        self._collect(node, name)
        self.dags.in_order(node)
        self.dags.called(node)
        self._follow(node)
        self.generic_visit(node)

    def _collect(self, node: ast.Call, name: str) -> None:
        values, found = self.values, self.found
        for fact, text in calls.texts(values, node, name):
            found.texts[fact].setdefault(text)
        for fact, text in calls.places(values, node, name):
            self._place(fact, text)
        scores = calls.scored(values, node, name)
        if scores:
            found.scores.setdefault(*scores)
        suggested = calls.suggestion(values, node, name)
        if suggested:
            found.suggestions.setdefault(str(suggested["name"]), suggested)

    def _place(self, fact: str, path: str) -> None:
        self.found.texts[fact].setdefault(path)

    def _follow(self, node: ast.Call) -> None:
        """See what a function of the project does with these arguments; its own source is looked at as a whole."""
        target = self.values.definition(node.func)
        if not target or self.depth >= DEEPEST or len(self.found.followed) >= MOST_FOLLOWED:
            return
        source, function = target
        is_class = isinstance(function, ast.ClassDef)
        given, loops = ({}, {}) if is_class else self.values.arguments_of(function, node)
        key = (source.path, function.lineno, repr((given, loops))[:1_000])
        if key in self.found.followed or (is_class and source is self.values):
            return
        self.found.followed.add(key)
        inner = Source(source.bound(given, loops), self.found, self.depth + 1)
        inner.values.defaults = self.values.defaults
        for part in (*getattr(function, "decorator_list", []), *function.body):
            inner.visit(part)

    def _command(self, node: ast.AST, name: object = None, library: str = "") -> None:
        """Keep a function as a subcommand."""
        source, function = self.values.definition(node) or (self.values, None)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            self.commands[name if isinstance(name, str) else function.name.replace("_", "-")] = (
                source,
                function,
                library,
            )

    def _group(self, node: ast.AST, name: object) -> None:
        """Keep the commands of another application of typer as subcommands of one of its own."""
        source, _ = (self.values.project and self.values.project.find(self.values.dotted(node), "")) or (None, "")
        for function in source.functions.values() if source else []:
            made = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
            if isinstance(function, ast.FunctionDef) and any(ast.unparse(d).endswith(".command") for d in made):
                own = function.name.replace("_", "-")
                self.commands[f"{name} {own}" if isinstance(name, str) else own] = source or self.values, function, ""

    def _fired(self, node: ast.AST | None) -> None:
        """Learn the command line that fire makes of a function, a class, a dictionary of functions, or the source."""
        source, made = (self.values, None) if node is None else self.values.definition(node) or (self.values, node)
        if isinstance(made, ast.Call):
            source, made = self.values.definition(made.func) or (self.values, None)  # an object of a class
        if isinstance(made, ast.Dict):
            for key, value in zip(made.keys, made.values, strict=True):
                self._command(value, self.values.of(key), "fire")
        elif isinstance(made, ast.FunctionDef):
            self.takes(made, typer=False)
        elif made is None or isinstance(made, ast.ClassDef):
            members = made.body if made else [one for one in source.functions.values() if one.col_offset == 0]
            for one in members:
                if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                    self.commands[one.name] = source, one, "fire"

    def takes(self, function: ast.FunctionDef | ast.AsyncFunctionDef, *, typer: bool) -> None:
        """Learn the options that typer or fire makes of a function's parameters."""
        self.values.variables |= {arg.arg: f"<{arg.arg}>" for arg in function.args.args}
        for found in calls.parameters(self.values, function, typer=typer):
            self._option(found)

    def _option(self, found: dict[str, object] | None) -> None:
        if found and len(self.found.options) < MOST_OPTIONS:
            # The second pass knows more: a default may be a name that is given its value further down.
            dest = str(found["dest"])
            self.found.options[dest] = found
            self.values.defaults[dest] = found["default"]

    def _variable(self, node: ast.Call, *, of_airflow: bool) -> None:
        name = self.values.argument(node, 0, "key")
        default = self.values.argument(node, 1, "default", "default_var")
        if not isinstance(name, str):
            return
        if of_airflow:  # as airflow-task is given it
            name = f"AIRFLOW_VAR_{name.upper()}"
        if not self.found.environment.get(name, ""):
            without = None if of_airflow else ""  # it can do without
            self.found.environment[name] = without if default is None else str(default)

    def _route(self, node: ast.Call) -> None:
        path = self.values.argument(node, 0, "path", "rule", "route")
        if isinstance(path, str):
            self.found.routes.setdefault("/" + path.lstrip("/^").rstrip("$"))

    def _mount(self, path: str | None, prefix: object) -> None:
        if path is not None and isinstance(prefix, str):
            self.found.mounts[path] = "/" + prefix.strip("/^")


def main(sources: dict[str, str]) -> dict[str, object]:
    """Return the facts of each source by its path."""
    trees = {path: parsed(text) for path, text in sources.items()}
    project = Project()
    own: dict[str, Values] = {}
    answers: dict[str, object] = {}
    for path, tree in trees.items():
        if isinstance(tree, str):
            answers[path] = {"error": tree}
            continue
        try:
            own[path] = project.add(path, tree)
        except (ValueError, RecursionError, MemoryError) as error:
            answers[path] = {"error": f"{type(error).__name__}: {error}"[:200]}
    # Again: by now all sources are known, whatever the order.
    for path, values in own.items():
        tree = trees[path]
        if isinstance(tree, ast.Module):
            answers[path] = facts(path, tree, project, values)
    return answers


if __name__ == "__main__":
    # Sources seldom nest deeper than this; a hostile one must not take the process down.
    sys.setrecursionlimit(2_000)
    json.dump(main(json.load(sys.stdin)), sys.stdout, default=str)
