"""What an expression stands for, as far as it can be told without running anything."""

from __future__ import annotations

import ast
import posixpath
from copy import copy
from itertools import islice, product

Function = ast.FunctionDef | ast.AsyncFunctionDef
#: Names under which parsed arguments are kept, as most scripts do.
PARSED = ("args", "ARGS", "opts", "options", "opt", "ns", "cfg", "flags")
UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
NOWHERE = 99
#: Stands for a folder that cannot be told.
UNKNOWN = "?"
#: Names that are made in loops are followed up to this many.
MOST_ALTERNATIVES = 50
#: JSON has no infinity, and JavaScript no larger whole numbers.
LARGEST = 2**53
LONGEST = 20_000
#: What changes no more than the type or the form of what it is called on, or of its first argument.
OF_ITS_OBJECT = ("resolve", "absolute", "as_posix", "strip", "expanduser")
OF_ITS_ARGUMENT = ("Path", "PurePath", "str", "int", "float", "abspath", "fspath", "dedent", "open", "asdict")
Argument = tuple[dict[str, object], dict[str, list[object]]]


def is_number(value: object) -> bool:
    """Whether a value is a number; True is none, although Python counts with it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scalar(value: object) -> object:
    """Return what a setting can hold, and None for anything else."""
    return value if isinstance(value, bool | int | float | str) else None


def is_given(value: object) -> bool:
    """Whether a value is an argument: ``<table>``, ``<2>`` of ``sys.argv``, ``<model.trees>`` of a configuration."""
    return isinstance(value, str) and value.startswith("<") and value.endswith(">")


def assignments(node: ast.AST) -> list[tuple[ast.AST, ast.AST]]:
    """Return what gets a value, and the value."""
    match node:
        case ast.Assign(targets=targets, value=value):
            return [(target, value) for target in targets]
        case ast.AnnAssign(target=target, value=ast.AST() as value):
            return [(target, value)]
        case ast.withitem(context_expr=value, optional_vars=ast.Name() as target):
            return [(target, value)]
    return []


class Values:
    """The imports, simple variables and functions of one source.

    A value that comes of an argument is the argument's name in angle brackets, so that ``Path(args.out) / "m.pkl"``
    is ``<out>/m.pkl``.

    Args:
        path: Where the source lies in the project.
        project: What resolves a dotted name to another source.
    """

    def __init__(self, path: str, project: Project) -> None:
        self.path = path
        self.package = ".".join(path.split("/")[:-1])
        self.project = project
        self.loops: dict[str, list[object]] = {}  # variable of a loop: the values that it takes
        self.names: dict[str, str] = {}  # local name: what it was imported as
        self.variables: dict[str, object] = {}  # simple variables; the first value counts
        self.made: dict[str, str] = {}  # variable: the class that it is an object of
        self.defaults: dict[str, object] = {}  # default of each option of the command line
        self.functions: dict[str, Function | ast.ClassDef] = {}
        self.parsed = {*PARSED}  # variables that hold the parsed arguments
        self.blank: str | None = None  # stands for what is unknown in a text
        self.depth = 0

    def bound(self, given: dict[str, object], loops: dict[str, list[object]]) -> Values:
        """Return the same source as it is seen in a function that got these arguments."""
        inner = copy(self)
        inner.variables, inner.loops = {**self.variables, **given}, {**self.loops, **loops}
        inner.blank, inner.depth = None, self.depth + 1
        return inner

    def learn(self, tree: ast.AST) -> None:
        """Learn imports, variables and functions; twice, as a name may be used above the place of its value."""
        for node in [*ast.walk(tree)] * 2:
            match node:
                case ast.Import() | ast.ImportFrom():
                    self.imported(node)
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    self.functions.setdefault(node.name, node)
                case ast.Call():
                    self.updated(node)
            for target, value in assignments(node):
                self.assigned(target, value)

    def updated(self, node: ast.Call) -> None:
        """Learn the keys that ``scores.update({…})`` adds to a dictionary."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="update"), args=[more]):
                held = self.variables.get(name)
                if isinstance(held, dict):
                    held.update(self.mapping(more))

    def imported(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Learn the names of an import, and return its modules."""
        if isinstance(node, ast.ImportFrom):
            above = self.package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join(filter(None, [*above, node.module]))
            self.names |= {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
            return [module]
        for alias in node.names:
            top = alias.name.split(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top
        return [alias.name for alias in node.names]

    def assigned(self, target: ast.AST, value: ast.AST, *, in_order: bool = False) -> None:
        """Learn what a name stands for.

        Args:
            target: The name, or several.
            value: What is assigned.
            in_order: Whether the source is read line by line: a later value then replaces an earlier one, unless that
                came of an argument.
        """
        match target, value:
            case ast.Tuple(elts=names), ast.Tuple(elts=items) if len(names) == len(items):
                for name, item in zip(names, items, strict=True):
                    self.assigned(name, item, in_order=in_order)
            case ast.Tuple(elts=names), ast.Subscript(value=argv, slice=ast.Slice(lower=lower)):
                start = self.of(lower)
                for at, name in enumerate(names, start if isinstance(start, int) else 0):
                    if isinstance(name, ast.Name) and self.dotted(argv) == "sys.argv":
                        self.variables.setdefault(name.id, f"<{at}>")
            case ast.Subscript(value=ast.Name(id=name), slice=key), _:
                held = self.variables.get(name)
                for text in self.all(key) if isinstance(held, dict) else []:
                    if isinstance(text, str):
                        held.setdefault(text, self.of(value))
            case ast.Tuple(elts=[ast.Name(id=name), _]), ast.Call(func=ast.Attribute(attr="parse_known_args")):
                self.parsed.add(name)
            case ast.Name(id=name), ast.Call(func=made) if self.dotted(made).endswith("parse_args"):
                self.parsed.add(name)
            case ast.Name(id=name), _:
                if isinstance(value, ast.Call) and self.dotted(value.func).split(".")[-1][:1].isupper():
                    self.made.setdefault(name, self.dotted(value.func))
                held = self.variables.get(name)
                if held is None or (in_order and not str(held).startswith("<")):
                    known = self.value(value)
                    self.variables[name] = held if known is None else known

    def value(self, node: ast.AST) -> object:
        """Return the keys and values of a dictionary, or any other value."""
        return self.mapping(node) if isinstance(node, ast.Dict | ast.DictComp) else self.of(node)

    def dotted(self, node: ast.AST) -> str:
        """Return ``mlflow.sklearn.log_model``, however it was imported; what is unknown in front is left out."""
        match node:
            case ast.Name(id=name):
                return f"{self.made[name]}()" if name in self.made else self.names.get(name, name)
            case ast.Attribute(value=inner, attr=attribute):
                return f"{self.dotted(inner)}.{attribute}".removeprefix(".")
            case ast.Call(func=inner):
                return f"{self.dotted(inner)}()"
        return ""

    def of(self, node: ast.AST | None) -> object:
        """Return the value of an expression, or None when it cannot be told."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=bool() | int() | float() as number):
                return number if abs(number) < LARGEST else None
            case ast.Name(id="__file__"):
                return self.path
            case ast.Name(id=name):
                held = self.variables.get(name)
                return self._elsewhere(self.names.get(name, "")) if held is None else held
            case ast.IfExp(body=first, orelse=second):
                return self._either(first, second)
            case ast.BoolOp(op=ast.Or(), values=parts):
                return self._either(*parts)
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.of(operand)
                return -inner if isinstance(inner, int | float) else None
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self.of(item) for item in items]
            case ast.JoinedStr(values=parts):
                texts = [self._or_blank(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts]
                return None if None in texts else "".join(map(str, texts))[:LONGEST]
            case ast.BinOp():
                return self._binary(node)
            case ast.Subscript():
                return self._item(node)
            case ast.Attribute(value=inner, attr="parent"):
                return _above(self.of(inner))
            case ast.Attribute(value=ast.Name(id=name), attr=part) if name in self.parsed and name not in self.names:
                return f"<{part}>"
            case ast.Attribute(value=inner, attr=part):
                held = self._elsewhere(self.dotted(node))
                before = self.of(inner) if held is None else None
                return f"<{before[1:-1]}.{part}>" if is_given(before) else held
            case ast.Call():
                return self._called(node)
        return None

    def _either(self, *parts: ast.AST) -> object:
        return next((known for known in map(self.of, parts) if known is not None), None)

    def _or_blank(self, node: ast.AST) -> object:
        known = self.of(node)
        return self.blank if known is None else known

    def _elsewhere(self, dotted: str) -> object:
        """Return what another source of the project defines."""
        found = self.project.find(dotted, self.package)
        return found[0].variables.get(found[1]) if found else None

    def looped(self, target: ast.AST, over: ast.AST) -> None:
        """Learn the values that the variables of a loop take."""
        several = isinstance(target, ast.Tuple)
        names = target.elts if several else [target]
        match over:
            case ast.Call(func=ast.Attribute(value=held, attr="items" | "keys")):
                rows, names = [*self.mapping(held)], names[:1]
            case ast.Call(func=function, args=parts) if self.dotted(function) == "zip":
                rows = []
                for name, part in zip(names, parts, strict=False):
                    self.looped(name, part)
            case _:
                rows = [*self.mapping(over)] if isinstance(over, ast.Dict) else self.of(over)
        for at, name in enumerate(names):
            if isinstance(name, ast.Name) and isinstance(rows, list) and rows:
                cells = [row[at] if isinstance(row, list) and at < len(row) else row for row in rows]
                self.loops[name.id] = cells if several else rows

    def all(self, node: ast.AST | None) -> list[object]:
        """Return every value that an expression takes in the loops around it."""
        match node:
            case ast.Name(id=name) if name in self.loops:
                return self.loops[name][:MOST_ALTERNATIVES]
            case ast.JoinedStr(values=parts):
                inner = [self.all(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts]
                made = islice(product(*inner), MOST_ALTERNATIVES)
                return ["".join(map(str, texts)) for texts in made if None not in texts]
            case ast.BinOp(left=left, op=ast.Add() | ast.Div() as operator, right=right):
                between = "" if isinstance(operator, ast.Add) else "/"
                pairs = [pair for pair in product(self.all(left), self.all(right)) if None not in pair]
                made = [f"{a}{between}{b}" for a, b in pairs[:MOST_ALTERNATIVES] if isinstance(a, str)]
                return made or [self.of(node)]
        return [self.of(node)]

    def _binary(self, node: ast.BinOp) -> object:
        left, right = self.of(node.left), self.of(node.right)
        is_text = isinstance(left or right, str)
        match node.op:
            case ast.Mod() if isinstance(left, str):
                try:
                    return left % (tuple(right) if isinstance(right, list) else right)
                except (TypeError, ValueError):
                    return None
            case ast.Add() if is_text:
                left, right = (self.blank if side is None else side for side in (left, right))
                return (left + right)[:LONGEST] if isinstance(left, str) and isinstance(right, str) else None
            case ast.Div() if is_text and None in (left, right):
                return f"{left or UNKNOWN}/{right or UNKNOWN}"  # a file or folder that is known only when it runs
            case ast.Div() if isinstance(left, str) and isinstance(right, str):
                return right if left in ("", ".") else f"{left.rstrip('/')}/{right}"
            case ast.Mult():
                small = all(isinstance(side, int | float) and abs(side) < 1e9 for side in (left, right))
                return left * right if small else None
        return None

    def _item(self, node: ast.Subscript) -> object:
        """Return a value of a dictionary or of the arguments; one of a configuration goes by its name there."""
        key, name = self.of(node.slice), self.dotted(node.value)
        if name == "sys.argv":
            return f"<{key}>" if isinstance(key, int) and key > 0 else None
        if name == "os.environ" or not isinstance(key, str):
            return None
        held = self.of(node.value)
        if isinstance(held, dict):
            return held.get(key)
        return f"<{held[1:-1]}.{key}>" if is_given(held) else f"<{key}>"

    def _called(self, node: ast.Call) -> object:
        """Look through calls that change no more than the type, or that read the environment."""
        name, first = self.dotted(node.func), node.args[0] if node.args else None
        last = name.split(".")[-1]
        on = node.func.value if isinstance(node.func, ast.Attribute) else None
        is_opened = last == "open" and name.split(".")[0] not in ("gzip", "bz2", "lzma", "io")
        if name in ("os.getenv", "os.environ.get") or name.endswith("Variable.get"):
            return self.argument(node, 1, "default", "default_var")
        if on is not None and (last in OF_ITS_OBJECT or is_opened):
            return self.of(on)
        if last in OF_ITS_ARGUMENT and first:
            return self.of(first)
        if name == "dict":
            return self.mapping(node)
        if last == "dirname" and first:
            return _above(self.of(first))
        if name.endswith("path.join"):
            parts = [self.of(arg) for arg in node.args]
            return posixpath.join(*parts) if parts and all(isinstance(part, str) for part in parts) else None
        if last == "with_name" and first and isinstance(text := self.of(first), str):
            return f"{_above(self.of(on)) or UNKNOWN}/{text}".removeprefix("./")
        if last == "format" and on is not None:
            return self._formatted(on, node)
        if last == "join" and on is not None and first:
            parts, between = self.of(first), self.of(on)
            known = isinstance(parts, list) and isinstance(between, str) and None not in parts
            return between.join(map(str, parts)) if known else None
        return self._returned(node) or None

    def _formatted(self, template: ast.AST, node: ast.Call) -> object:
        text = self.of(template)
        listed = [self._or_blank(arg) for arg in node.args]
        given = {k.arg: self._or_blank(k.value) for k in node.keywords if k.arg}
        if not isinstance(text, str) or None in [*listed, *given.values()]:
            return None
        try:
            return text.format(*listed, **given)[:LONGEST]
        except (IndexError, KeyError, ValueError, AttributeError, TypeError):
            return None

    def definition(self, node: ast.AST) -> tuple[Values, Function | ast.ClassDef] | None:
        """Return the function or class of the project that an expression names, with its source."""
        name = self.names.get(node.id, node.id) if isinstance(node, ast.Name) else self.dotted(node)
        if isinstance(node, ast.Name) and name == node.id:
            return (self, self.functions[name]) if name in self.functions else None
        found = self.project.find(name, self.package)
        inner = found[0].functions.get(found[1]) if found else None
        return (found[0], inner) if found and inner else None

    def arguments_of(self, function: Function, node: ast.Call) -> Argument:
        """Return what the parameters of a function stand for in a call of it, and those that take several values."""
        names = [arg.arg for arg in (*function.args.posonlyargs, *function.args.args) if arg.arg != "self"]
        pairs = [(arg.arg, default) for arg, default in parameters(function) if default is not None]
        given = {**dict(zip(names, node.args, strict=False)), **{k.arg: k.value for k in node.keywords if k.arg}}
        known: dict[str, object] = {arg.arg: None for arg in (*function.args.args, *function.args.kwonlyargs)}
        known |= {name: self.value(value) for name, value in {**dict(pairs), **given}.items()}
        loops = {name: self.all(value) for name, value in given.items()}
        return known, {name: values for name, values in loops.items() if len(values) > 1}

    def _returned(self, node: ast.Call) -> dict[str, object]:
        """Return the dictionary that a function of the project returns, for scores are often made in one."""
        source, function = (self.definition(node.func) if self.depth < 4 else None) or (self, None)
        if not isinstance(function, Function):
            return {}
        inner = source.bound(*self.arguments_of(function, node))
        inner.depth = self.depth + 1
        keys: dict[str, object] = {}
        for part in ast.walk(function):
            if isinstance(part, ast.Assign):
                for target in part.targets:
                    inner.assigned(target, part.value)
            elif isinstance(part, ast.Return) and part.value is not None:
                keys |= inner.mapping(part.value)
        return keys

    def keyword(self, node: ast.Call | None, *names: str) -> ast.AST | None:
        """Return the argument that is given by one of these names."""
        return next((k.value for k in node.keywords if k.arg in names), None) if node else None

    def given(self, node: ast.Call | None, position: int, *names: str) -> ast.AST | None:
        """Return an argument by name, else by position."""
        given = self.keyword(node, *names)
        return node.args[position] if node and given is None and len(node.args) > position else given

    def argument(self, node: ast.Call | None, position: int, *names: str) -> object:
        """Return the value of an argument by name, else by position."""
        return self.of(self.given(node, position, *names))

    def arguments(self, node: ast.Call, position: int, *names: str) -> list[object]:
        """Return every value that an argument takes in the loops around it."""
        return self.all(self.given(node, position, *names))

    def named(self, node: ast.Call | None, *names: str) -> object:
        """Return the value of an argument that is given by name only."""
        return self.argument(node, NOWHERE, *names)

    def text(self, node: ast.Call | None, *names: str) -> str | None:
        """Likewise, if it is a text."""
        found = self.named(node, *names)
        return found if isinstance(found, str) else None

    def mapping(self, node: ast.AST | None) -> dict[str, object]:
        """Return the keys and values of a dictionary, written there or under a name, as far as they are known."""
        match node:
            case ast.DictComp(key=key, generators=loops):
                for loop in loops:
                    self.looped(loop.target, loop.iter)
                return {text: None for text in self.all(key) if isinstance(text, str)}
            case ast.Call(func=function, args=args, keywords=keywords) if self.dotted(function) == "dict":
                found = [self.mapping(arg) for arg in args]
                found += [{k.arg: self.of(k.value)} if k.arg else self.mapping(k.value) for k in keywords]
                return {key: value for part in found for key, value in part.items()}
            case ast.BinOp(left=left, op=ast.BitOr(), right=right):
                return self.mapping(left) | self.mapping(right)
            case ast.Dict(keys=keys, values=values):
                known: dict[str, object] = {}
                for key, value in zip(keys, values, strict=True):
                    texts = [text for text in self.all(key) if isinstance(text, str)] if key else []
                    known |= {text: self._entry(value) for text in texts} if key else self.mapping(value)
                return known
        held = self.of(node)
        return held if isinstance(held, dict) else {}

    def _entry(self, node: ast.AST) -> object:
        return self.mapping(node) if isinstance(node, ast.Dict) else self.timed(node)

    def timed(self, node: ast.AST) -> object:
        """Return a value, with a time span in seconds."""
        seconds = self.seconds(node)
        return self.of(node) if seconds is None else seconds

    def seconds(self, node: ast.AST | None) -> float | None:
        """Return the seconds of ``timedelta(minutes=5)``; None for anything else."""
        if not isinstance(node, ast.Call) or self.dotted(node.func).split(".")[-1] not in ("timedelta", "duration"):
            return None
        given = {"days": self.argument(node, 0, "days"), **{k.arg: self.of(k.value) for k in node.keywords}}
        return sum(UNITS.get(unit or "", 0) * n for unit, n in given.items() if isinstance(n, int | float))


def parameters(function: Function) -> list[tuple[ast.arg, ast.AST | None]]:
    """Return the parameters of a function, each with its default."""
    listed = [*function.args.posonlyargs, *function.args.args]
    without: list[ast.AST | None] = [None] * (len(listed) - len(function.args.defaults))
    pairs = list(zip(listed, [*without, *function.args.defaults], strict=True))
    return pairs + list(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))


def _above(path: object) -> str | None:
    """Return the folder of a path; that of an argument is a step up from it."""
    if not isinstance(path, str):
        return None
    return f"{path}/.." if is_given(path) else posixpath.dirname(path) or "."


class Project:
    """The sources of a project by their dotted names."""

    def __init__(self) -> None:
        self.modules: dict[str, Values] = {}

    def add(self, path: str, tree: ast.Module) -> Values:
        """Keep a source, and learn what it defines."""
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        values = Values(path, self)
        self.modules[module] = values
        self.modules.setdefault(module.removeprefix("src."), values)
        values.learn(tree)
        return values

    def source(self, module: str) -> Values | None:
        """Return a source by its dotted name, which may begin further down than in the project's folder."""
        return self.modules.get(module) or next(
            (values for name, values in self.modules.items() if name.endswith(f".{module}")), None
        )

    def find(self, dotted: str, package: str) -> tuple[Values, str] | None:
        """Return the source that defines a dotted name, and the name in it.

        Args:
            dotted: Such as ``parking.garage.main``.
            package: Where it is named: a script finds what lies beside it.
        """
        module, _, name = dotted.rpartition(".")
        beside = f"{package}.{module}" if package and module else ""
        values = self.modules.get(module) or self.modules.get(beside)
        return (values, name) if values and name else None
