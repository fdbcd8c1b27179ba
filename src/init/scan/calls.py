"""What a call says: options of a command line, MLflow, Optuna, and the files that are read and written."""

from __future__ import annotations

import ast

from values import NOWHERE, Values, is_number, scalars

#: Types of Python that an option can name.
BUILTIN = ("int", "float", "str", "bool")
#: Last part of the call's name: where the fact is in its arguments.
TEXTS: dict[str, list[tuple[str, int, tuple[str, ...]]]] = {
    "set_experiment": [("experiments", 0, ("experiment_name",))],
    "set_tracking_uri": [("trackingUris", 0, ("uri",))],
    "register_model": [("registeredModels", 1, ("name",))],
    "create_registered_model": [("registeredModels", 0, ("name",))],
    "create_model_version": [("registeredModels", 0, ("name",))],
    "transition_model_version_stage": [("registeredModels", 0, ("name",))],
    "log_model": [
        ("registeredModels", NOWHERE, ("registered_model_name",)),
        ("loggedModels", 1, ("artifact_path", "name")),
    ],
    "log_metric": [("metrics", 0, ("key",))],
    "log_param": [("loggedParams", 0, ("key",))],
    "read_csv": [("reads", 0, ("filepath_or_buffer",))],
    "read_parquet": [("reads", 0, ("path",))],
    "to_csv": [("writes", 0, ("path_or_buf",))],
    "to_parquet": [("writes", 0, ("path",))],
    "savez": [("writes", 0, ("file",))],
    "savez_compressed": [("writes", 0, ("file",))],
    "dump": [("writes", 1, ("filename", "f"))],
    "save": [("writes", 1, ("f",))],
    "save_model": [("writes", 0, ("filename", "fname"))],
    "save_json": [("writes", 0, ("filename",))],
}
#: The same last part means something else in other libraries.
ONLY = {"dump": ("joblib", "pickle", "cloudpickle", "skops"), "save": ("torch",)}
KEYS = {"log_metrics": "metrics", "log_params": "loggedParams"}
FACTS = tuple(dict.fromkeys([fact for rules in TEXTS.values() for fact, _, _ in rules] + list(KEYS.values())))


def option(values: Values, node: ast.Call, *, click: bool) -> dict[str, object] | None:
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


def _choices(values: Values, node: ast.Call) -> object:
    found = values.named(node, "choices")
    kind = values.keyword(node, "type")
    if found is None and isinstance(kind, ast.Call) and values.dotted(kind.func).endswith("Choice"):
        found = values.argument(kind, 0, "choices")
    return found


def _is_flag(values: Values, node: ast.Call) -> bool:
    action = values.keyword(node, "action")
    boolean = action is not None and values.dotted(action).endswith("BooleanOptionalAction")
    return boolean or values.of(action) in ("store_true", "store_false") or values.named(node, "is_flag") is True


def _type(values: Values, node: ast.Call, default: object, *, click: bool) -> str | None:
    """Return int, float, str or bool; click takes it from the default, argparse does not."""
    kind = values.keyword(node, "type")
    if isinstance(kind, ast.Name) and kind.id in BUILTIN:
        return kind.id
    if isinstance(kind, ast.Call):
        ranged = {"IntRange": "int", "FloatRange": "float"}
        return ranged.get(values.dotted(kind.func).split(".")[-1])
    return type(default).__name__ if click and kind is None and default is not None else None


def texts(values: Values, node: ast.Call, name: str) -> list[tuple[str, str]]:
    """Return pairs of a fact of ``FACTS`` and its text."""
    last = name.split(".")[-1]
    if name.split(".")[0] not in ONLY.get(last, (name.split(".")[0],)):
        return []
    found = [(fact, text) for fact, at, names in TEXTS.get(last, []) for text in values.arguments(node, at, *names)]
    if last in KEYS:
        given = node.args[0] if node.args else values.keyword(node, "metrics", "params")
        found += [(KEYS[last], key) for key in values.mapping(given)]
    if last in ("write_text", "write_bytes") and isinstance(node.func, ast.Attribute):
        found.append(("writes", values.of(node.func.value)))
    return [(fact, text[:300]) for fact, text in found if isinstance(text, str) and text]


def suggestion(values: Values, node: ast.Call, name: str) -> dict[str, object] | None:
    """Return the parameter that ``trial.suggest_float("lr", 1e-3, 0.2, log=True)`` asks for."""
    last = name.split(".")[-1]
    parameter = values.argument(node, 0, "name")
    if not last.startswith("suggest_") or not isinstance(parameter, str):
        return None
    kind = last.removeprefix("suggest_")
    if kind == "categorical":
        return {"name": parameter, "kind": kind, "choices": scalars(values.argument(node, 1, "choices"))}
    low, high = values.argument(node, 1, "low"), values.argument(node, 2, "high")
    if not all(map(is_number, (low, high))):
        return {"name": parameter, "kind": "unknown"}
    logarithmic = "loguniform" in kind or values.named(node, "log") is True
    return {
        "name": parameter,
        "kind": "int" if kind == "int" else "float",
        "low": low,
        "high": high,
        "log": logarithmic,
    }
