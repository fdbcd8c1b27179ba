"""Options of a command line, as argparse and click declare them."""

from __future__ import annotations

import ast
from typing import Any

from values import Values, scalars

BUILTIN = ("int", "float", "str", "bool")


def option(values: Values, node: ast.Call, *, click: bool) -> dict[str, Any] | None:
    """Return what ``add_argument(…)`` or ``@click.option(…)`` declares; None when its name is computed."""
    given = [name for name in map(values.of, node.args) if isinstance(name, str)]
    flags = [name.split("/")[0] for name in given if name.startswith("-")]
    plain = [name for name in given if not name.startswith("-")]
    if not given:
        return None
    longest = max(flags, key=len) if flags else None
    default = values.named(node, "default")
    named, help_text = values.named(node, "dest"), values.named(node, "help")
    needed = not flags and values.named(node, "nargs") not in ("?", "*")
    return {
        "flag": longest,
        "dest": named if isinstance(named, str) and named else _dest(plain, longest),
        "type": _type(values, node, default, click=click),
        "default": default if isinstance(default, bool | int | float | str) else None,
        "choices": scalars(_choices(values, node)),
        "required": values.named(node, "required") is True or needed,
        "isFlag": _is_flag(values, node) or any("/" in name for name in given if name.startswith("-")),
        "help": help_text[:300] if isinstance(help_text, str) else "",
    }


def _dest(plain: list[str], longest: str | None) -> str:
    return plain[0] if plain else (longest or "").lstrip("-").replace("-", "_")


def _choices(values: Values, node: ast.Call) -> Any:
    found = values.named(node, "choices")
    kind = values.keyword(node, "type")
    if found is None and isinstance(kind, ast.Call) and values.dotted(kind.func).endswith("Choice"):
        found = values.argument(kind, 0, "choices")
    return found


def _is_flag(values: Values, node: ast.Call) -> bool:
    action = values.keyword(node, "action")
    boolean = action is not None and values.dotted(action).endswith("BooleanOptionalAction")
    return boolean or values.of(action) in ("store_true", "store_false") or values.named(node, "is_flag") is True


def _type(values: Values, node: ast.Call, default: Any, *, click: bool) -> str | None:
    """Return int, float, str or bool; click takes it from the default, argparse does not."""
    kind = values.keyword(node, "type")
    if isinstance(kind, ast.Name) and kind.id in BUILTIN:
        return kind.id
    if isinstance(kind, ast.Call):
        ranged = {"IntRange": "int", "FloatRange": "float"}
        return ranged.get(values.dotted(kind.func).split(".")[-1])
    return type(default).__name__ if click and kind is None and default is not None else None
