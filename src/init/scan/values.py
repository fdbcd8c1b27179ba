"""What an expression stands for, as far as it can be told without running anything."""

from __future__ import annotations

import ast
from itertools import islice, product

#: Names under which parsed arguments are kept, as most scripts do.
PARSED = ("args", "ARGS", "opts", "options", "opt", "ns", "cfg")
UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
NOWHERE = 99
#: Stands for a folder that cannot be told.
UNKNOWN = "?"
#: Names that are made in loops are told up to this many.
MOST_ALTERNATIVES = 50
#: JSON has no infinity, and JavaScript no larger whole numbers.
LARGEST = 2**53


def is_number(value: object) -> bool:
    """Whether a value is a number; True is none, although Python counts with it."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def scalars(values: object) -> list[object]:
    """Return those of a list that a setting can hold; none of anything else."""
    given = values if isinstance(values, list) else []
    return [value for value in given if isinstance(value, bool | int | float | str)]


class Values:
    """The imports and simple variables of one source.

    Args:
        constants: What sources of the project define, by dotted name.
        package: Dotted name of the folder of the source, from which relative imports start.
    """

    def __init__(self, constants: dict[str, object] | None = None, package: str = "") -> None:
        self.constants = constants or {}
        self.package = package
        self.loops: dict[str, list[object]] = {}  # variable of a loop: the values that it takes
        self.names: dict[str, str] = {}  # local name: what it was imported as
        self.variables: dict[str, object] = {}  # simple variables; the first value counts
        self.defaults: dict[str, object] = {}  # default of each option of the command line
        self.returned: dict[str, dict[str, object]] = {}  # function: the dictionary that it returns

    def imported(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Learn the names of an import, and return its modules."""
        if isinstance(node, ast.ImportFrom):
            above = self.package.split(".")[: -(node.level - 1) or None] if node.level else []
            module = ".".join([*filter(None, above), *filter(None, [node.module])])
            for alias in node.names:
                self.names[alias.asname or alias.name] = f"{module}.{alias.name}"
            return [module]
        for alias in node.names:
            top = alias.name.split(".")[0]
            self.names[alias.asname or top] = alias.name if alias.asname else top
        return [alias.name for alias in node.names]

    def assigned(self, target: ast.AST, value: ast.AST) -> None:
        """Learn what a name stands for."""
        if isinstance(target, ast.Name) and self.variables.get(target.id) is None:
            self.variables[target.id] = (
                self.mapping(value) if isinstance(value, ast.Dict | ast.DictComp) else self.of(value)
            )

    def returns(self, function: str, value: ast.AST | None) -> None:
        """Learn the keys of what a function returns, for metrics are often made in one."""
        if isinstance(value, ast.Dict | ast.DictComp | ast.Name) and self.mapping(value):
            self.returned.setdefault(function, self.mapping(value))

    def dotted(self, node: ast.AST) -> str:
        """Return ``mlflow.sklearn.log_model``, however it was imported; what is unknown in front is left out."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            before = self.dotted(node.value)
            return f"{before}.{node.attr}" if before else node.attr
        return f"{self.dotted(node.func)}()" if isinstance(node, ast.Call) else ""

    def of(self, node: ast.AST | None) -> object:
        """Return the value of an expression, or None when it cannot be told."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=bool() | int() | float() as number):
                return number if abs(number) < LARGEST else None
            case ast.Name(id=name):
                held = self.variables.get(name)
                return self.constants.get(self.names.get(name, "")) if held is None else held
            case ast.IfExp(body=body, orelse=other):
                return self.of(other) if self.of(body) is None else self.of(body)
            case ast.Attribute() if self.dotted(node) in self.constants:
                return self.constants[self.dotted(node)]
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                inner = self.of(operand)
                return -inner if isinstance(inner, int | float) else None
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                return [self.of(item) for item in items]
            case ast.JoinedStr(values=parts):
                texts = [self.of(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts]
                return None if any(text is None for text in texts) else "".join(map(str, texts))
            case ast.BinOp():
                return self._binary(node)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name in PARSED:
                return self.defaults.get(attribute)
            case ast.Attribute(value=inner, attr="parent"):
                return self.of(inner)
            case ast.Call():
                return self._called(node)
        return None

    def looped(self, target: ast.AST, over: ast.AST) -> None:
        """Learn the values that the variables of a loop take."""
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute) and over.func.attr in ("items", "keys"):
            over = over.func.value
        if isinstance(over, ast.Dict):
            if isinstance(target, ast.Tuple):
                target = target.elts[0]
            self.loops.update({target.id: [self.of(key) for key in over.keys]} if isinstance(target, ast.Name) else {})
            return
        rows = self.of(over)
        if not isinstance(rows, list):
            return
        names = target.elts if isinstance(target, ast.Tuple) else [target]
        for at, name in enumerate(names):
            if isinstance(name, ast.Name):
                cells = [row[at] if isinstance(row, list) and at < len(row) else row for row in rows]
                self.loops[name.id] = cells if isinstance(target, ast.Tuple) else rows

    def all(self, node: ast.AST | None) -> list[object]:
        """Return every value that an expression takes in the loops around it."""
        match node:
            case ast.Name(id=name) if name in self.loops:
                return self.loops[name][:MOST_ALTERNATIVES]
            case ast.JoinedStr(values=parts):
                inner = [self.all(p.value if isinstance(p, ast.FormattedValue) else p) for p in parts]
                made = islice(product(*inner), MOST_ALTERNATIVES)
                return ["".join(map(str, texts)) for texts in made if None not in texts]
        return [self.of(node)]

    def _binary(self, node: ast.BinOp) -> object:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(left, str) and isinstance(right, str):
            if isinstance(node.op, ast.Div):
                return right if left in ("", ".") else f"{left.rstrip('/')}/{right}"
            return left + right if isinstance(node.op, ast.Add) else None
        if isinstance(right, str) and left is None and isinstance(node.op, ast.Div):
            return f"{UNKNOWN}/{right}"  # a file in a folder that is known only when it runs
        small = all(isinstance(side, int | float) and abs(side) < 1e9 for side in (left, right))
        return left * right if small and isinstance(node.op, ast.Mult) else None

    def _called(self, node: ast.Call) -> object:
        """Look through calls that change no more than the type, or that read the environment."""
        name, first = self.dotted(node.func), node.args[0] if node.args else None
        if name in self.returned:
            return self.returned[name]
        if name in ("os.getenv", "os.environ.get"):
            return self.argument(node, 1, "default")
        if name.split(".")[-1] in ("Path", "PurePath", "str", "int", "float", "abspath", "fspath") and first:
            # The source's own folder: what hangs on it is told from the project's.
            return "." if isinstance(first, ast.Name) and first.id == "__file__" else self.of(first)
        if name.endswith("path.join"):
            parts = [self.of(arg) for arg in node.args]
            return "/".join(parts) if parts and all(isinstance(part, str) for part in parts) else None
        if name.endswith((".resolve", ".absolute", ".as_posix")) and isinstance(node.func, ast.Attribute):
            return self.of(node.func.value)
        return None

    def keyword(self, node: ast.Call | None, *names: str) -> ast.AST | None:
        """Return the argument that is given by one of these names."""
        return next((k.value for k in node.keywords if k.arg in names), None) if node else None

    def argument(self, node: ast.Call, position: int, *names: str) -> object:
        """Return the value of an argument by name, else by position."""
        given = self.keyword(node, *names)
        return self.of(node.args[position] if given is None and len(node.args) > position else given)

    def arguments(self, node: ast.Call, position: int, *names: str) -> list[object]:
        """Return every value that an argument takes in the loops around it."""
        given = self.keyword(node, *names)
        return self.all(node.args[position] if given is None and len(node.args) > position else given)

    def named(self, node: ast.Call, *names: str) -> object:
        """Return the value of an argument that is given by name only."""
        return self.argument(node, NOWHERE, *names)

    def mapping(self, node: ast.AST | None) -> dict[str, object]:
        """Return the keys and values of a dictionary, written there or under a name, as far as they are known."""
        if isinstance(node, ast.DictComp):
            for loop in node.generators:
                self.looped(loop.target, loop.iter)
            return {key: None for key in self.all(node.key) if isinstance(key, str)}
        if not isinstance(node, ast.Dict):
            held = self.of(node)
            return held if isinstance(held, dict) else {}
        pairs = [(self.of(key), value) for key, value in zip(node.keys, node.values, strict=True) if key]
        return {key: self.timed(value) for key, value in pairs if isinstance(key, str)}

    def timed(self, node: ast.AST) -> object:
        """Return a value, with a time span in seconds."""
        seconds = self.seconds(node)
        return self.of(node) if seconds is None else seconds

    def seconds(self, node: ast.AST | None) -> float | None:
        """Return the seconds of ``timedelta(minutes=5)``; None for anything else."""
        if not isinstance(node, ast.Call) or self.dotted(node.func).split(".")[-1] not in ("timedelta", "duration"):
            return None
        given = {k.arg: self.of(k.value) for k in node.keywords}
        if node.args:
            given["days"] = self.of(node.args[0])
        return sum(UNITS.get(unit or "", 0) * n for unit, n in given.items() if isinstance(n, int | float))
