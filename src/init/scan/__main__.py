"""Reads Python sources and says what is in them; nothing of them is run.

Stdin: JSON, ``{path: source}``. Stdout: JSON, ``{path: facts}`` with the facts that ``sources.ts`` describes, or
``{"error": …}`` for a source that is no Python of this version. Needs Python 3.10 and nothing else.
"""

from __future__ import annotations

import ast
import json
import sys
import warnings
from collections.abc import Callable

import calls
from airflow import Dags
from values import Function, Project, Values, assignments, is_given, parameters

MOST_CALLS = 2_000
MOST_OPTIONS = 200
#: Functions of the project that are followed from one program.
MOST_FOLLOWED = 400
DEEPEST = 4
#: Facts that are texts, each kept once and in the order of the source.
TEXTS = ("imports", "calls", "routes", "prints", "apps", *calls.FACTS, *calls.PLACES)
CONFIGURATIONS = (".yaml", ".yml", ".toml", ".json")


def _acts(body: list[ast.stmt]) -> bool:
    """Return whether running a source does more than define names."""
    for node in body:
        match node:
            case ast.For() | ast.While() | ast.With() | ast.Expr(value=ast.Call() | ast.Await()):
                return True
            case ast.If() | ast.Try():
                if _acts([*node.body, *node.orelse, *getattr(node, "finalbody", [])]):
                    return True
    return False


class _Facts:
    """What was found of one program."""

    def __init__(self, body: list[ast.stmt]) -> None:
        self.main = False
        self.acts = _acts(body)
        self.texts: dict[str, dict[str, None]] = {fact: {} for fact in TEXTS}
        self.options: dict[str, dict[str, object]] = {}
        self.suggestions: dict[str, dict[str, object]] = {}
        self.environment: dict[str, str | None] = {}
        self.mounts: dict[str, str] = {}
        self.scores: dict[str, list[str]] = {}
        self.argv = 0
        self.overrides = False
        self.followed: set[tuple[str, int, str]] = set()

    def all(self) -> dict[str, object]:
        lists = {fact: [*found] for fact, found in self.texts.items()}
        named = {fact: [*getattr(self, fact).values()] for fact in ("options", "suggestions")}
        return {key: value for key, value in vars(self).items() if key not in ("texts", "followed")} | lists | named


class _Source(ast.NodeVisitor):
    """Collects the facts of a source, or of a function with its arguments."""

    def __init__(self, values: Values, found: _Facts, depth: int = 0) -> None:
        self.values = values
        self.found = found
        self.depth = depth
        self.dags = Dags(values)
        #: Subcommands: where each is defined, what does it, and what makes options of its parameters.
        self.commands: dict[str, tuple[Values, ast.AST, str]] = {}
        self.parsers: dict[str, str] = {}  # variable: the subcommand that its parser is for

    def done(self, source: Values, body: ast.AST, library: str = "", command: str | None = None) -> dict[str, object]:
        """Return what a function does that is a program of its own: a task, or a subcommand with its options.

        Args:
            source: Where it is defined.
            body: The function, or the branch that does a subcommand.
            library: What makes options of its parameters, ``typer`` or ``fire``; empty: its decorators, if any.
            command: The subcommand that it is.
        """
        inner = _Source(source.bound({}, {}), _Facts([]))
        if command and isinstance(body, Function):
            # First its command line: what the body calls gets the arguments by their names.
            inner.declared(body)
            if library:
                inner.takes(body, typer=library == "typer")
        for part in (*(getattr(body, "decorator_list", []) if command else []), *getattr(body, "body", [])):
            inner.visit(part)
        own = [*self.found.options.values()] if command else []
        # The configuration that a group of commands takes.
        files = [str(option["default"]) for option in own if str(option["default"]).endswith(CONFIGURATIONS)]
        inner.found.texts["reads"] |= {file: None for file in files if file not in inner.found.texts["reads"]}
        shared = [option for option in own if option["command"] == command]
        return {**inner.found.all(), "options": [*inner.found.options.values(), *shared]}

    def all(self) -> dict[str, object]:
        """Return all that was found, with what the functions do that tasks and subcommands call."""
        dags = [
            {
                **dag,
                "tasks": [{**task, "does": task["does"] and self.done(self.values, task["does"])} for task in tasks],
            }
            for dag in self.dags.dags
            if (tasks := [*dag["tasks"].values()])
        ]
        commands = {name: self.done(*found, name) for name, found in self.commands.items()}
        return {**self.found.all(), "dags": dags, "commands": commands}

    def visit(self, node: ast.AST) -> None:
        values, found = self.values, self.found
        for target, value in assignments(node):
            if isinstance(node, ast.withitem) and isinstance(target, ast.Name):
                values.variables.pop(target.id, None)  # a file that is opened under a name that another one had
            self._assigned(target, value, in_order=not isinstance(node, ast.withitem))
        match node:
            case ast.Import() | ast.ImportFrom():
                found.texts["imports"] |= dict.fromkeys(values.imported(node))
            case ast.For(target=target, iter=over):
                values.looped(target, over)
            case ast.If(test=test):
                text = ast.dump(test)
                found.main = found.main or ("__name__" in text and "__main__" in text)
                match test:
                    case ast.Compare(left=chosen, ops=[ast.Eq()], comparators=[ast.Constant(value=str() as name)]):
                        if name in self.parsers.values() and is_given(values.of(chosen)):
                            self.commands.setdefault(name, (values, node, ""))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self.declared(node)
                if self._decorated(node):
                    return  # what it does is said of its task
            case ast.Subscript(value=held, slice=at):
                key, name = values.of(at), values.dotted(held)
                if name == "os.environ" and isinstance(key, str):
                    found.environment.setdefault(key, None)
                if name == "sys.argv" and isinstance(key, int):
                    found.argv = max(found.argv, key)
            case ast.BinOp(op=ast.RShift() | ast.LShift()) if self.dags.dags:
                self.dags.chain(node)
            case ast.Call():
                self._called(node)
        before = found.argv
        self.generic_visit(node)
        if isinstance(node, ast.If | ast.IfExp) and "argv" in ast.unparse(node.test):
            found.argv = before  # what is read after a look at how many there are need not be given

    def _assigned(self, target: ast.AST, value: ast.AST, *, in_order: bool) -> None:
        values = self.values
        values.assigned(target, value, in_order=in_order)
        self.dags.assigned(target, value)
        made = values.dotted(value.func) if isinstance(value, ast.Call) else ""
        name = values.argument(value, 0, "name") if made.endswith("add_parser") else None
        if isinstance(target, ast.Name) and isinstance(name, str):
            self.parsers[target.id] = name
        if isinstance(target, ast.Name) and made in ("fastapi.FastAPI", "flask.Flask"):
            self.found.texts["apps"].setdefault(target.id)
        if made.endswith(("APIRouter", "Blueprint")):
            self._mount(values.path, values.named(value, "prefix", "url_prefix"))

    def _decorators(self, node: Function) -> list[tuple[ast.Call | None, str, str]]:
        calls = [(one if isinstance(one, ast.Call) else None, one) for one in node.decorator_list]
        names = [self.values.dotted(call.func if call else one) for call, one in calls]
        return [(call, name, name.split(".")[-1]) for (call, _), name in zip(calls, names, strict=True)]

    def _decorated(self, node: Function) -> bool:
        """Keep routes of an API, commands, and DAGs; return whether a function is a task of Airflow."""
        for call, name, last in self._decorators(node):
            if last == "command":
                self._command(node, self.values.argument(call, 0, "name"))
            elif call and last in ("get", "post", "put", "route", "api_route"):
                self._route(call)
            elif "airflow" in name and last == "dag":
                self.dags.declare(call, fallback=node.name)
            elif "airflow" in name and "task" in name.split("."):
                self.dags.decorated[node.name] = (node, call, name)
                return True
        return False

    def declared(self, node: Function) -> None:
        """Learn what the command line gives a function, by its decorators of click, typer and Hydra."""
        for call, name, last in self._decorators(node):
            if last in ("command", "option", "argument"):
                self.values.variables |= {arg.arg: f"<{arg.arg}>" for arg in node.args.args}
            if call and "click" in name and last in ("option", "argument"):
                self._option(calls.option(self.values, call, click=True))
            elif last == "command" and any(module == "typer" for module in self.values.names.values()):
                self.takes(node, typer=True)
            elif name == "hydra.main" and call:
                self.found.overrides = True
                folder, file = (self.values.named(call, key) for key in ("config_path", "config_name"))
                self.found.texts["reads"].setdefault(f"{folder or '.'}/{str(file or '').removesuffix('.yaml')}.yaml")

    def _called(self, node: ast.Call) -> None:
        """Keep what a call says, and follow it into the function of the project that it calls."""
        values, found, first = self.values, self.found, node.args[0] if node.args else None
        name = values.dotted(node.func)
        last = name.split(".")[-1]
        on = node.func.value if isinstance(node.func, ast.Attribute) else None
        command = self.parsers.get(on.id) if isinstance(on, ast.Name) else None
        if name and len(found.texts["calls"]) < MOST_CALLS:
            found.texts["calls"].setdefault(name[:200])
        match last:
            case "add_argument":
                self._option(calls.option(values, node, click=False), command)
            case "set_defaults" if command:
                for keyword in node.keywords:
                    self._command(keyword.value, command)
            case "command()" if first:
                self._command(first, values.argument(node.func, 0, "name"), "typer")  # app.command("fit")(function)
            case "add_command" if first:
                self._command(first, values.argument(node, 1, "name"))
            case "add_typer" if first:
                self._group(first, values.text(node, "name"))
            case "DAG":
                self.dags.declare(node, fallback="dag")
            case "getenv" | "get" if name in ("os.getenv", "os.environ.get") or name.endswith("Variable.get"):
                self._variable(node, of_airflow=name.endswith("Variable.get"))
            case "path" | "re_path" if "django" in name:
                inner = node.args[1] if len(node.args) > 1 else None
                if isinstance(inner, ast.Call) and values.dotted(inner.func).endswith("include"):
                    source = values.project.source(str(values.argument(inner, 0)))
                    self._mount(source.path if source else None, values.argument(node, 0, "route"))
                else:
                    self._route(node)
            case "include_router" | "register_blueprint" if first:
                source, _ = values.project.find(values.dotted(first), values.package) or (values, "")
                self._mount(source.path, values.named(node, "prefix", "url_prefix"))
            case "run" if name == "typer.run" and first:
                _, function = values.definition(first) or (values, None)
                if isinstance(function, Function):
                    self.takes(function, typer=True)
            case "Fire" if name == "fire.Fire":
                self._fired(first)
            case "split" if first and values.of(first) == "=":
                found.overrides = found.overrides or "sys" in found.texts["imports"]
            case "print" | "echo" if name in ("print", "typer.echo", "click.echo"):
                found.texts["prints"] |= dict.fromkeys(calls.printed(node))
        values.updated(node)
        for fact, text in [*calls.texts(values, node, name), *calls.places(values, node, name)]:
            found.texts[fact].setdefault(text)
        for path, keys in calls.scored(values, node, name):
            found.scores.setdefault(path, keys)
        for suggested in calls.suggestion(values, node, name):
            found.suggestions.setdefault(str(suggested["name"]), suggested)
        self.dags.called(node)
        self._follow(node)

    def _follow(self, node: ast.Call) -> None:
        """See what a function of the project does with these arguments; its own source is looked at as a whole."""
        source, function = self.values.definition(node.func) or (self.values, None)
        is_class = isinstance(function, ast.ClassDef)
        if not function or self.depth >= DEEPEST or len(self.found.followed) >= MOST_FOLLOWED:
            return
        given, loops = ({}, {}) if is_class else self.values.arguments_of(function, node)
        key = (source.path, function.lineno, repr((given, loops))[:1_000])
        if key in self.found.followed or (is_class and source is self.values):
            return
        self.found.followed.add(key)
        inner = _Source(source.bound(given, loops), self.found, self.depth + 1)
        inner.values.defaults = self.values.defaults
        for part in (*function.decorator_list, *function.body):
            inner.visit(part)

    def _command(self, node: ast.AST, name: object = None, library: str = "") -> None:
        """Keep a function as a subcommand."""
        source, function = (
            (self.values, node) if isinstance(node, Function) else self.values.definition(node) or (self.values, None)
        )
        if isinstance(function, Function):
            own = name if isinstance(name, str) else function.name.replace("_", "-")
            self.commands[own] = (source, function, library)

    def _group(self, node: ast.AST, name: str | None) -> None:
        """Keep the commands of another application of typer as subcommands of one of its own."""
        source, _ = self.values.project.find(self.values.dotted(node), "") or (None, "")
        for function in source.functions.values() if source else []:
            made = [d.func if isinstance(d, ast.Call) else d for d in function.decorator_list]
            if isinstance(function, ast.FunctionDef) and any(ast.unparse(d).endswith(".command") for d in made):
                own = " ".join(filter(None, [name, function.name.replace("_", "-")]))
                self.commands[own] = source, function, ""

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
            for one in made.body if made else [one for one in source.functions.values() if one.col_offset == 0]:
                if isinstance(one, ast.FunctionDef) and not one.name.startswith("_"):
                    self.commands[one.name] = source, one, "fire"

    def takes(self, function: Function, *, typer: bool) -> None:
        """Learn the options that typer or fire makes of a function's parameters."""
        self.values.variables |= {arg.arg: f"<{arg.arg}>" for arg in function.args.args}
        for arg, default in parameters(function):
            if arg.arg != "self":
                self._option(calls.parameter(self.values, arg, default, typer=typer))

    def _option(self, found: dict[str, object] | None, command: str | None = None) -> None:
        if found and len(self.found.options) < MOST_OPTIONS:
            # The second pass knows more: a default may be a name that is given its value further down.
            dest = str(found["dest"])
            self.found.options[dest] = {**found, "command": command}
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
            self.found.texts["routes"].setdefault("/" + path.lstrip("/^").rstrip("$"))

    def _mount(self, path: str | None, prefix: object) -> None:
        if path is not None and isinstance(prefix, str):
            self.found.mounts[path] = "/" + prefix.strip("/^")


def _learned(project: Project, path: str, text: str) -> tuple[ast.Module, Values]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd escapes in other people's texts
        tree = ast.parse(text)
    return tree, project.add(path, tree)


def _facts(tree: ast.Module, values: Values) -> dict[str, object]:
    scan = _Source(values, _Facts(tree.body))
    # Twice: a default may be a name that is given its value further down. What is known is not kept again.
    scan.visit(tree)
    scan.dags.dags.clear()
    scan.visit(tree)
    return scan.all()


def _tried(read: Callable[..., object], *given: object) -> object:
    """Return what can be read, or why it cannot."""
    try:
        return read(*given)
    except SyntaxError as error:
        return {"error": f"line {error.lineno}: {error.msg}"}
    except (ValueError, RecursionError, MemoryError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:200]}


def main(sources: dict[str, str]) -> dict[str, object]:
    """Return the facts of each source by its path: functions of the project that it calls included."""
    project = Project()
    known = {path: _tried(_learned, project, path, text) for path, text in sources.items()}
    # Again: by now all sources are known, whatever the order.
    return {path: _tried(_facts, *found) if isinstance(found, tuple) else found for path, found in known.items()}


if __name__ == "__main__":
    # Sources seldom nest deeper than this; a hostile one must not take the process down.
    sys.setrecursionlimit(2_000)
    json.dump(main(json.load(sys.stdin)), sys.stdout, default=str)
