"""Looks where the modules of a command are, and imports none of them.

It is run by the Python of the command, whichever that is, so it needs nothing but the standard library of Python 3.8.
stdin: ``{"folder", "script", "module", "app"}``.
stdout: ``{"missing": [{"module", "file", "line"}], "module", "app"}``.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator, Sequence
from importlib.machinery import BuiltinImporter, FrozenImporter, ModuleSpec, PathFinder
from pathlib import Path

MOST_FILES = 200
GUARDS = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


def find(name: str, path: list[str]) -> ModuleSpec | None:
    """Return where a module is, or None; parent packages are looked up, too, and not imported."""
    spec: ModuleSpec | None = None
    search: Sequence[str] | None = path
    parts = name.split(".")
    for depth in range(len(parts)):
        spec = None if search is None else find_one(".".join(parts[: depth + 1]), search, is_top=depth == 0)
        if spec is None:
            return None
        search = spec.submodule_search_locations
    return spec


def find_one(name: str, search: Sequence[str], *, is_top: bool) -> ModuleSpec | None:
    """Ask each finder for a module, those of editable installations among them."""
    for finder in sys.meta_path:
        spec = None
        if finder in (BuiltinImporter, FrozenImporter):
            spec = finder.find_spec(name, None) if is_top else None
        elif finder is PathFinder:
            spec = PathFinder.find_spec(name, search)
        else:
            try:
                spec = finder.find_spec(name, None if is_top else search, None)
            except Exception:  # whatever somebody has installed
                continue
        if spec is not None:
            return spec
    return None


def imports_of(statements: Sequence[ast.stmt], *, is_main: bool) -> Iterator[tuple[str, int]]:
    """Yield the modules that are imported when a file is run, with their lines; not those that it can do without."""
    for node in statements:
        blocks: list[list[ast.stmt]] = []
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module, node.lineno
        elif isinstance(node, ast.If):
            text = ast.dump(node.test)
            is_run = "TYPE_CHECKING" not in text and (is_main or "__main__" not in text)
            blocks = [node.body, node.orelse] if is_run else [node.orelse]
        elif isinstance(node, ast.Try):
            blocks = [] if any(map(is_guard, node.handlers)) else [node.body, node.orelse, node.finalbody]
        elif isinstance(node, (ast.With, ast.For, ast.While, ast.ClassDef)):
            blocks = [node.body]
        for block in blocks:
            yield from imports_of(block, is_main=is_main)


def is_guard(handler: ast.ExceptHandler) -> bool:
    """Whether a handler takes the error of an import."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or getattr(kind, "id", "") in GUARDS for kind in kinds)


def names_of(statements: Sequence[ast.stmt]) -> set[str] | None:
    """Return the names that a file has once it is imported, or None if only running it tells."""
    names: set[str] = set()
    for node in statements:
        is_definition = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        for part in [node] if is_definition else list(ast.walk(node)):
            if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                names.add(part.name)
            elif isinstance(part, (ast.Import, ast.ImportFrom)):
                names.update(alias.asname or alias.name.split(".")[0] for alias in part.names)
            elif isinstance(part, ast.Name):
                names.add(part.id)
    # What they do to the names of a module, only running it tells; names that are used only do no harm here.
    return None if names & {"*", "__getattr__", "globals", "exec", "setattr"} else names


def parsed(file: str) -> tuple[ast.Module, bool]:
    """Return the syntax tree of a file, and whether it changes where modules are looked for."""
    source = Path(file).read_bytes()
    return ast.parse(source), b"sys.path" in source or b"addsitedir" in source


def look(start: str, folder: Path, path: list[str]) -> list[dict[str, object]]:
    """Return the modules that are missing in a file and in the files of the project that it imports."""
    standard = set(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
    missing: dict[str, dict[str, object]] = {}
    seen: set[str] = set()
    queue = [(start, True)]
    while queue and len(seen) < MOST_FILES:
        file, is_main = queue.pop()
        if file in seen:
            continue
        seen.add(file)
        tree, changes_path = parsed(file)
        if changes_path:
            # What it finds, only it knows.
            return []
        for name, line in imports_of(tree.body, is_main=is_main):
            top = name.split(".")[0]
            if top in standard:
                continue
            spec = find_one(top, path, is_top=True)
            if spec is not None and is_own(spec, folder):
                spec, top = find(name, path), name
                if spec is not None and spec.origin and spec.origin.endswith(".py"):
                    queue.append((spec.origin, False))
            if spec is None:
                missing.setdefault(top, {"module": top, "file": file, "line": line})
    return list(missing.values())


def is_own(spec: ModuleSpec, folder: Path) -> bool:
    """Whether a module lies in the project, and is not installed there."""
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or [])
    return any(folder in Path(place).resolve().parents and "site-packages" not in place for place in places)


def main() -> None:
    """Answer what was asked on stdin."""
    asked = json.load(sys.stdin)
    folder = Path(asked["folder"]).resolve()
    script, module, app = asked.get("script"), asked.get("module"), asked.get("app")
    # The folder of this file stands first.
    path = [str(Path(script).resolve().parent if script else folder), *sys.path[1:]]
    answer: dict[str, object] = {"missing": [], "module": None, "app": None}
    start = script
    if module:
        spec = find(module, path)
        answer["module"] = None if spec else "missing"
        if spec is not None and spec.submodule_search_locations is not None:
            spec = find(f"{module}.__main__", path)
            answer["module"] = None if spec else "noMain"
        start = spec.origin if spec is not None and is_own(spec, folder) else None
    if app:
        name, _, attribute = app.partition(":")
        spec = find(name, path)
        start = spec.origin if spec is not None and is_own(spec, folder) else None
        names = names_of(parsed(start)[0].body) if start and start.endswith(".py") else None
        wanted = attribute.split("(")[0].split(".")[0]
        answer["app"] = (
            "missing" if spec is None else "noAttribute" if names is not None and wanted not in names else None
        )
    if start and start.endswith(".py"):
        answer["missing"] = look(start, folder, path)
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
