"""What a call says: options of a command line, MLflow, Optuna, and the files that are read and written."""

from __future__ import annotations

import ast
import re

from values import NOWHERE, Values, is_number, scalar

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
}
#: Likewise for files.
FILES: dict[str, tuple[str, int, tuple[str, ...]]] = {
    **{name: ("reads", 0, ("filepath_or_buffer", "path", "io")) for name in ("read_csv", "read_table", "read_excel")},
    **{name: ("reads", 0, ("path", "path_or_buf")) for name in ("read_parquet", "read_feather", "read_json")},
    **{name: ("reads", 0, ("fname", "source")) for name in ("loadtxt", "genfromtxt", "scan_csv", "scan_parquet")},
    **{name: ("writes", 0, ("path_or_buf",)) for name in ("to_csv", "to_json", "write_csv")},
    **{name: ("writes", 0, ("path", "excel_writer", "buf")) for name in ("to_parquet", "to_excel", "to_html")},
    **{name: ("writes", 0, ("path",)) for name in ("to_feather", "to_pickle", "write_parquet")},
    **{name: ("writes", 0, ("file", "filename")) for name in ("savez", "savez_compressed", "save_json", "save_html")},
    "savefig": ("writes", 0, ("fname",)),
    "save_model": ("models", 0, ("filename", "fname", "path")),
}
#: The same last part means something else in other libraries.
DUMPS = {"dump": ("joblib", "pickle", "cloudpickle", "skops", "dill"), "save": ("torch", "numpy")}
FACTS = tuple(dict.fromkeys([fact for rules in TEXTS.values() for fact, _, _ in rules]))
#: Other trackers, whose calls are named as those of MLflow.
ELSEWHERE = re.compile(r"dvclive|wandb|comet|neptune|lightning|clearml")
PLACES = ("reads", "writes", "appends", "models")


def scalars(values: object) -> list[object]:
    """Return those of a list that a setting can hold; none of anything else."""
    return [value for value in values if scalar(value) is not None] if isinstance(values, list) else []


def option(values: Values, node: ast.Call, *, click: bool) -> dict[str, object] | None:
    """Return what ``add_argument(…)`` or ``@click.option(…)`` declares; None when its name is computed."""
    given = [name for name in map(values.of, node.args) if isinstance(name, str)]
    flags = [name.split("/")[0] for name in given if name.startswith("-")]
    plain = [name for name in given if not name.startswith("-")]
    if not given:
        return None
    longest = max(flags, key=len) if flags else None
    default, kind, action = values.named(node, "default"), values.keyword(node, "type"), values.keyword(node, "action")
    made, what = (values.dotted(kind.func).split(".")[-1], kind) if isinstance(kind, ast.Call) else ("", None)
    types = {"IntRange": "int", "FloatRange": "float", "": kind.id if isinstance(kind, ast.Name) else None}
    by_default = type(default).__name__ if click and kind is None and default is not None else None
    switch = action is not None and values.dotted(action).endswith("BooleanOptionalAction")
    return _option(
        flag=longest,
        dest=values.text(node, "dest") or (plain[0] if plain else (longest or "").lstrip("-").replace("-", "_")),
        type=by_default or types.get(made),
        default=default,
        choices=values.named(node, "choices") or (values.argument(what, 0, "choices") if made == "Choice" else None),
        required=values.named(node, "required") is True
        or (not flags and values.named(node, "nargs") not in ("?", "*")),
        isFlag=switch
        or values.of(action) in ("store_true", "store_false")
        or values.named(node, "is_flag") is True
        or any("/" in name for name in given if name.startswith("-")),
        help=values.named(node, "help"),
    )


def _option(**known: object) -> dict[str, object]:
    choices, text, kind = (known[key] for key in ("choices", "help", "type"))
    return {
        **known,
        "command": None,
        "type": kind if kind in BUILTIN else None,
        "default": scalar(known["default"]),
        "choices": scalars(choices),
        "help": text[:300] if isinstance(text, str) else "",
    }


def parameter(values: Values, arg: ast.arg, default: ast.AST | None, *, typer: bool) -> dict[str, object]:
    """Return the option that typer or fire makes of a function's parameter."""
    kind, declared = arg.annotation, default
    if isinstance(kind, ast.Subscript) and values.dotted(kind.value).endswith("Annotated"):
        items = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        kind, declared = items[0], items[-1]
    made = values.dotted(declared.func).split(".")[-1] if isinstance(declared, ast.Call) else ""
    call = declared if isinstance(declared, ast.Call) and made in ("Option", "Argument") else None
    first = call.args[0] if call and call is default and call.args else None
    fallback = values.of(first if call and call is default else default)
    given = [text for text in map(values.of, call.args if call else []) if isinstance(text, str)]
    flag = next((text.split("/")[0] for text in given if text.startswith("--")), "")
    name = values.dotted(kind).split(".")[-1] if kind else type(fallback).__name__
    is_open = isinstance(first, ast.Constant) or default is None or call is not None
    return _option(
        flag=None
        if made == "Argument" or (typer and not call and default is None)
        else flag or f"--{arg.arg.replace('_', '-') if typer else arg.arg}",
        dest=arg.arg,
        type=name,
        default=fallback,
        choices=None,
        required=fallback is None and is_open and not (isinstance(first, ast.Constant) and first.value is None),
        isFlag=name == "bool" and typer,
        help=values.named(call, "help"),
    )


def texts(values: Values, node: ast.Call, name: str) -> list[tuple[str, str]]:
    """Return pairs of a fact of ``FACTS`` and its text."""
    last = name.split(".")[-1]
    if ELSEWHERE.search(name):
        return []
    found = [(fact, text) for fact, at, names in TEXTS.get(last, []) for text in values.arguments(node, at, *names)]
    if last == "log_metrics":
        found += [("metrics", key) for key in values.mapping(values.given(node, 0, "metrics"))]
    # What is an argument goes by its default.
    known = [(fact, values.defaults.get(text[1:-1]) if str(text).startswith("<") else text) for fact, text in found]
    return [(fact, text[:300]) for fact, text in known if isinstance(text, str) and text]


def places(values: Values, node: ast.Call, name: str) -> list[tuple[str, str]]:
    """Return pairs of a fact of ``PLACES`` and the file that is read or written."""
    last, top = name.split(".")[-1], name.split(".")[0]
    on = values.of(node.func.value) if isinstance(node.func, ast.Attribute) else None
    found: list[tuple[str, object]] = []
    if last in FILES:
        fact, at, names = FILES[last]
        appends = fact == "writes" and str(values.argument(node, 2, "mode") or "").startswith("a")
        found = [("appends" if appends else fact, path) for path in values.arguments(node, at, *names)]
    elif top in DUMPS.get(last, ()):
        fact, at = ("writes", 0) if top == "numpy" else ("models", 1)
        found = [(fact, values.argument(node, at, "filename", "f", "file"))]
    elif last in ("write_text", "write_bytes", "read_text", "read_bytes"):
        found = [("writes" if last.startswith("write") else "reads", on)]
        inner = values.dotted(node.args[0].func) if node.args and isinstance(node.args[0], ast.Call) else ""
        found += [("models", on)] if inner.split(".")[0] in DUMPS["dump"] and inner.endswith("dumps") else []
    elif last == "open":
        builtin = name in ("open", "gzip.open", "bz2.open", "io.open")
        mode = str(values.argument(node, 1 if builtin else 0, "mode") or "r")
        fact = "appends" if "a" in mode else "writes" if "w" in mode or "x" in mode else "reads"
        found = [(fact, values.argument(node, 0, "file") if builtin else on)]
    return [(fact, path[:300]) for fact, path in found if isinstance(path, str) and path]


def scored(values: Values, node: ast.Call, name: str) -> list[tuple[str, list[str]]]:
    """Return the JSON file that a call writes, and the keys of what it writes there."""
    match node:
        case ast.Call(args=[scores, file, *_]) if name == "json.dump":
            path = values.of(file)
        case ast.Call(
            func=ast.Attribute(value=file, attr="write_text"), args=[ast.Call(func=made, args=[scores, *_]), *_]
        ) if values.dotted(made) == "json.dumps":
            path = values.of(file)
        case _:
            return []
    named = [path for key, value in values.mapping(scores).items() for path in _paths(key, value)]
    return [(path, named[:100])] if isinstance(path, str) and named else []


def _paths(key: str, value: object) -> list[str]:
    """Return the names of the numbers below a key; those below "metrics" and "scores" stand for themselves."""
    inner = [*value] if isinstance(value, dict) else []
    return [name if key in ("metrics", "scores") else f"{key}.{name}" for name in inner] or [key]


def printed(node: ast.Call) -> list[str]:
    """Return ``auc {}`` of ``print(f"auc {auc:.3f}")`` and ``print("auc", auc)``; nothing without a value."""
    match node.args:
        case [ast.JoinedStr(values=parts), *_]:
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts)
        case [ast.BinOp(left=ast.Constant(value=str() as template), op=ast.Mod()), *_]:
            text = re.sub(r"%[-+ #0-9.]*[a-zA-Z]", "{}", template)
        case [ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as template), attr="format")), *_]:
            text = re.sub(r"\{[^{}]*\}", "{}", template)
        case [ast.Constant(value=str() as start), _]:
            text = f"{start} {{}}"
        case _:
            return []
    return [text[:200]] if "{}" in text else []


def suggestion(values: Values, node: ast.Call, name: str) -> list[dict[str, object]]:
    """Return the parameter that ``trial.suggest_float("lr", 1e-3, 0.2, log=True)`` asks for."""
    last, parameter = name.split(".")[-1], values.argument(node, 0, "name")
    if not last.startswith("suggest_") or not isinstance(parameter, str):
        return []
    kind = last.removeprefix("suggest_")
    low, high = values.argument(node, 1, "low"), values.argument(node, 2, "high")
    if kind == "categorical":
        return [{"name": parameter, "kind": kind, "choices": scalars(values.argument(node, 1, "choices"))}]
    if not all(map(is_number, (low, high))):
        return [{"name": parameter, "kind": "unknown"}]
    logarithmic = "loguniform" in kind or values.named(node, "log") is True
    known = "int" if kind == "int" else "float"
    return [{"name": parameter, "kind": known, "low": low, "high": high, "log": logarithmic}]
