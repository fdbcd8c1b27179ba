"""What a call says of MLflow, of Optuna, and of the files that are read and written."""

from __future__ import annotations

import ast
from typing import Any

from values import NOWHERE, Values, is_number, scalars

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


def suggestion(values: Values, node: ast.Call, name: str) -> dict[str, Any] | None:
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
