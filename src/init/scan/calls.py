"""What a call says: options of a command line, MLflow, Optuna, and the files that are read and written."""

from __future__ import annotations

import ast
import re

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
        "command": None,
        "flag": longest,
        "dest": named if isinstance(named, str) and named else _dest(plain, longest),
        "type": _type(values, node, default, click=click),
        "default": default if isinstance(default, bool | int | float | str) else None,
        "choices": scalars(_choices(values, node)),
        "required": values.named(node, "required") is True or needed,
        "isFlag": _is_flag(values, node) or any("/" in name for name in given if name.startswith("-")),
        "help": help_text[:300] if isinstance(help_text, str) else "",
    }


def parameters(
    values: Values, function: ast.FunctionDef | ast.AsyncFunctionDef, *, typer: bool
) -> list[dict[str, object]]:
    """Return the options that typer or fire makes of a function's parameters."""
    listed = [*function.args.posonlyargs, *function.args.args]
    defaults = dict(zip(reversed([a.arg for a in listed]), reversed(function.args.defaults), strict=False))
    pairs = [(arg, defaults.get(arg.arg)) for arg in listed]
    pairs += list(zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True))
    return [_parameter(values, arg, default, typer=typer) for arg, default in pairs if arg.arg != "self"]


def _parameter(values: Values, arg: ast.arg, default: ast.AST | None, *, typer: bool) -> dict[str, object]:
    kind, declared = arg.annotation, default
    if isinstance(kind, ast.Subscript) and values.dotted(kind.value).endswith("Annotated"):
        items = kind.slice.elts if isinstance(kind.slice, ast.Tuple) else [kind.slice]
        kind, declared = items[0], items[-1]
    call = declared if isinstance(declared, ast.Call) else None
    made = values.dotted(call.func).split(".")[-1] if call else ""
    own = made in ("Option", "Argument")
    first = call.args[0] if call and own and call is default and call.args else None
    fallback = values.of(first if own and call is default else default)
    given = [values.of(item) for item in call.args] if call and own else []
    flag = next((text for text in given if isinstance(text, str) and text.startswith("--")), "")
    positional = made == "Argument" or (typer and not own and default is None)
    name = values.dotted(kind).split(".")[-1] if kind else type(fallback).__name__
    required = fallback is None and (isinstance(first, ast.Constant) or default is None or own)
    help_text = values.named(call, "help") if call and own else ""
    return {
        "command": None,
        "flag": None if positional else flag.split("/")[0] or f"--{arg.arg.replace('_', '-') if typer else arg.arg}",
        "dest": arg.arg,
        "type": name if name in BUILTIN else None,
        "default": fallback if isinstance(fallback, bool | int | float | str) else None,
        "choices": [],
        "required": required and not (isinstance(first, ast.Constant) and first.value is None),
        "isFlag": name == "bool" and typer,
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
    if ELSEWHERE.search(name):
        return []
    found = [(fact, text) for fact, at, names in TEXTS.get(last, []) for text in values.arguments(node, at, *names)]
    if last == "log_metrics":
        given = node.args[0] if node.args else values.keyword(node, "metrics")
        found += [("metrics", key) for key in values.mapping(given)]
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
        at = 0 if top == "numpy" else 1
        found = [("writes" if top == "numpy" else "models", values.argument(node, at, "filename", "f", "file"))]
    elif last in ("write_text", "write_bytes", "read_text", "read_bytes"):
        found = [("writes" if last.startswith("write") else "reads", on)]
        if node.args and isinstance(node.args[0], ast.Call):
            inner = values.dotted(node.args[0].func)
            found += [("models", on)] if inner.split(".")[0] in DUMPS["dump"] and inner.endswith("dumps") else []
    elif last == "open":
        builtin = name in ("open", "gzip.open", "bz2.open", "io.open")
        mode = str(values.argument(node, 1 if builtin else 0, "mode") or "r")
        fact = "appends" if "a" in mode else "writes" if "w" in mode or "x" in mode else "reads"
        found = [(fact, values.argument(node, 0, "file") if builtin else on)]
    return [(fact, path[:300]) for fact, path in found if isinstance(path, str) and path]


def scored(values: Values, node: ast.Call, name: str) -> tuple[str, list[str]] | None:
    """Return the JSON file that a call writes, and the keys of what it writes there."""
    last = name.split(".")[-1]
    if name == "json.dump" and len(node.args) > 1:
        path, keys = values.of(node.args[1]), values.mapping(node.args[0])
    elif last == "write_text" and node.args and isinstance(node.args[0], ast.Call):
        inner = node.args[0]
        if values.dotted(inner.func) != "json.dumps" or not isinstance(node.func, ast.Attribute):
            return None
        path, keys = values.of(node.func.value), values.mapping(inner.args[0] if inner.args else None)
    else:
        return None
    named = [path for key, value in keys.items() for path in _paths(key, value)]
    return (path, named[:100]) if isinstance(path, str) and named else None


def _paths(key: str, value: object) -> list[str]:
    """Return the names of the numbers below a key; those below "metrics" and "scores" stand for themselves."""
    inner = [*value] if isinstance(value, dict) else []
    return [name if key in ("metrics", "scores") else f"{key}.{name}" for name in inner] or [key]


def printed(node: ast.Call) -> str | None:
    """Return ``auc {}`` of ``print(f"auc {auc:.3f}")``, ``"auc %.3f" % auc`` and the like; None without a value."""
    if not node.args:
        return None
    match node.args[0]:
        case ast.JoinedStr(values=parts):
            pieces = [p.value if isinstance(p, ast.Constant) else "{}" for p in parts]
            text = "".join(map(str, pieces))
        case ast.BinOp(left=ast.Constant(value=str() as template), op=ast.Mod()):
            text = re.sub(r"%[-+ #0-9.]*[a-zA-Z]", "{}", template)
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str() as template), attr="format")):
            text = re.sub(r"\{[^{}]*\}", "{}", template)
        case ast.Constant(value=str() as start) if len(node.args) == 2:
            text = f"{start} {{}}"
        case _:
            return None
    return text[:200] if "{}" in text else None


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
