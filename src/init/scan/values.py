"""What an expression stands for, as far as it can be told without running anything."""

from __future__ import annotations

import ast
from typing import Any

#: Names under which parsed arguments are kept, as most scripts do.
PARSED = ("args", "ARGS", "opts", "options", "opt", "ns", "cfg")
UNITS = {"weeks": 604_800, "days": 86_400, "hours": 3_600, "minutes": 60, "seconds": 1}
NOWHERE = 99
#: JSON has no infinity, and JavaScript no larger whole numbers.
LARGEST = 2**53


class Values:
    """The imports and simple variables of one source."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}  # local name: what it was imported as
        self.variables: dict[str, Any] = {}  # simple variables; the first value counts
        self.defaults: dict[str, Any] = {}  # default of each option of the command line
        self.returned: dict[str, dict[str, Any]] = {}  # function: the dictionary that it returns

    def imported(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Learn the names of an import, and return its modules."""
        if isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
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
            self.variables[target.id] = self.mapping(value) if isinstance(value, ast.Dict) else self.of(value)

    def returns(self, function: str, value: ast.AST | None) -> None:
        """Learn the keys of what a function returns, for metrics are often made in one."""
        if isinstance(value, ast.Dict | ast.Name) and self.mapping(value):
            self.returned.setdefault(function, self.mapping(value))

    def dotted(self, node: ast.AST) -> str:
        """Return ``mlflow.sklearn.log_model``, however it was imported; what is unknown in front is left out."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            before = self.dotted(node.value)
            return f"{before}.{node.attr}" if before else node.attr
        return f"{self.dotted(node.func)}()" if isinstance(node, ast.Call) else ""

    def of(self, node: ast.AST | None) -> Any:
        """Return the value of an expression, or None when it cannot be told."""
        match node:
            case ast.Constant(value=str() as text):
                return text
            case ast.Constant(value=bool() | int() | float() as number):
                return number if abs(number) < LARGEST else None
            case ast.Name(id=name):
                return self.variables.get(name)
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

    def _binary(self, node: ast.BinOp) -> Any:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(left, str) and isinstance(right, str):
            if isinstance(node.op, ast.Div):
                return right if left in ("", ".") else f"{left.rstrip('/')}/{right}"
            return left + right if isinstance(node.op, ast.Add) else None
        small = all(isinstance(side, int | float) and abs(side) < 1e9 for side in (left, right))
        return left * right if small and isinstance(node.op, ast.Mult) else None

    def _called(self, node: ast.Call) -> Any:
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

    def argument(self, node: ast.Call, position: int, *names: str) -> Any:
        """Return the value of an argument by name, else by position."""
        given = self.keyword(node, *names)
        return self.of(node.args[position] if given is None and len(node.args) > position else given)

    def named(self, node: ast.Call, *names: str) -> Any:
        """Return the value of an argument that is given by name only."""
        return self.argument(node, NOWHERE, *names)

    def mapping(self, node: ast.AST | None) -> dict[str, Any]:
        """Return the keys and values of a dictionary, written there or under a name, as far as they are known."""
        if not isinstance(node, ast.Dict):
            held = self.of(node)
            return held if isinstance(held, dict) else {}
        pairs = [(self.of(key), value) for key, value in zip(node.keys, node.values, strict=True) if key]
        return {key: self.timed(value) for key, value in pairs if isinstance(key, str)}

    def timed(self, node: ast.AST) -> Any:
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
