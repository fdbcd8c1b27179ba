"""Checks JSON against the schemas of the contract, and fills in what they say is the default.

A value of an object's optional field that is null counts as absent where the schema does not allow null; fields that an
object does not name are dropped, or refused where the schema says so.
"""

from __future__ import annotations

import math
from typing import TypeGuard, cast

from .contract import INPUTS, SCHEMAS, Schema
from .errors import InvalidInput


class Mismatch(Exception):
    """A value is not as its schema says.

    Args:
        path: Where it is, such as ``trials[0].state``; empty for the whole.
        wanted: What was expected there.
        value: What was found; `ABSENT` for nothing.
    """

    def __init__(self, path: str, wanted: str, value: object) -> None:
        self.path = path
        self.wanted = wanted
        self.value = value
        what = path or "the input"
        found = f"{what} is required: {wanted}" if value is ABSENT else f"{what} must be {wanted}, not {_shown(value)}"
        super().__init__(found)

    @property
    def field(self) -> str:
        """The field to blame: its path down to the first list."""
        return self.path.split("[")[0]


class UnknownField(Mismatch):
    """An object has a field that its schema does not know."""

    def __init__(self, path: str, name: str, known: list[str]) -> None:
        super().__init__(f"{path}.{name}" if path else name, "absent", None)
        self.args = (f"unknown field {name!r}{f' of {path}' if path else ''}; known fields: {', '.join(known)}",)


ABSENT = object()


def check_input(step: str, values: object) -> dict[str, object]:
    """Return the input of a step, whole: with its defaults.

    Raises:
        InvalidInput: A field is missing, unknown, or has a value that it cannot have; the error names it.
    """
    if not is_object(values):
        raise InvalidInput(f"{step}: the input must be a JSON object, not {_shown(values)}")
    try:
        return cast("dict[str, object]", conform({"$ref": INPUTS[step]}, values))
    except UnknownField as error:
        raise InvalidInput(f"{step}: {error}", error.field) from error
    except Mismatch as error:
        raise InvalidInput(str(error), error.field) from error


def conform(schema: Schema, value: object, path: str = "") -> object:
    """Return `value` with defaults filled in and whole numbers as int.

    Raises:
        Mismatch: It is not as the schema says.
    """
    schema = _resolved(schema)
    alternatives = schema.get("anyOf")
    if alternatives is not None:
        return _one_of(schema, alternatives, value, path)
    if not _fits(schema, value):
        raise Mismatch(path, describe(schema), value)
    if is_list(value):
        items = schema.get("items", {})
        return [conform(items, item, f"{path}[{at}]") for at, item in enumerate(value)]
    if is_object(value):
        return _object(schema, value, path)
    if schema.get("type") == "integer" and isinstance(value, float):
        return int(value)
    return value


def describe(schema: Schema) -> str:
    """Return what a schema expects, for messages: ``an integer from 1 to 1000``."""
    schema = _resolved(schema)
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(describe(one) for one in schema["anyOf"]))
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return f"one of {', '.join(schema['enum'])}"
    kinds = [_describe_kind(kind, schema) for kind in kinds_of(schema)]
    return " or ".join(kinds) or "any value"


def kinds_of(schema: Schema) -> list[str]:
    """Return the JSON types that a schema allows; empty for any."""
    kinds = schema.get("type", [])
    return [kinds] if isinstance(kinds, str) else kinds


def resolve_input(step: str) -> Schema:
    """Return the schema of a step's input."""
    return _resolved({"$ref": INPUTS[step]})


def is_object(value: object) -> TypeGuard[dict[str, object]]:
    """Whether `value` is a JSON object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[object]]:
    """Whether `value` is a JSON list."""
    return isinstance(value, list)


def is_objects(value: object) -> TypeGuard[list[dict[str, object]]]:
    """Whether `value` is a list of JSON objects."""
    return is_list(value) and all(is_object(item) for item in value)


def is_number(value: object) -> TypeGuard[float]:
    """Whether `value` is a finite number (booleans are not)."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        # A whole number that no float64 holds.
        return False


def is_integer(value: object) -> bool:
    """Whether `value` is a whole number, also when JSON wrote it as 3.0."""
    return is_number(value) and float(value).is_integer()


def _resolved(schema: Schema) -> Schema:
    return SCHEMAS[schema["$ref"]] if "$ref" in schema else schema


def _one_of(schema: Schema, alternatives: list[Schema], value: object, path: str) -> object:
    solid = [one for one in alternatives if kinds_of(one) != ["null"]]
    if value is not None and len(solid) == 1:
        return conform(solid[0], value, path)
    mismatches: list[Mismatch] = []
    for alternative in alternatives:
        try:
            return conform(alternative, value, path)
        except Mismatch as error:
            mismatches.append(error)
    # The alternative that came furthest is the one that was meant: its reason is worth more than the list of all.
    furthest = max(mismatches, key=lambda error: (not _is_discriminator(error), len(error.path)))
    if len(furthest.path) > len(path):
        raise Mismatch(path, f"as described ({furthest})", value)
    raise Mismatch(path, describe(schema), value)


def _is_discriminator(error: Mismatch) -> bool:
    return error.path.endswith(".type")


def _fits(schema: Schema, value: object) -> bool:
    if "const" in schema and value != schema["const"]:
        return False
    if "enum" in schema and value not in schema["enum"]:
        return False
    kinds = kinds_of(schema)
    if kinds and not any(_is_kind(kind, value) for kind in kinds):
        return False
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value.strip()) and len(value) <= schema.get("maxLength", len(value))
    if is_list(value):
        return len(value) >= schema.get("minItems", 0)
    if is_number(value):
        return schema.get("minimum", -math.inf) <= value <= schema.get("maximum", math.inf) and schema.get(
            "exclusiveMinimum", -math.inf
        ) < value < schema.get("exclusiveMaximum", math.inf)
    return True


def _is_kind(kind: str, value: object) -> bool:
    if kind == "integer":
        return is_integer(value)
    if kind == "number":
        return is_number(value)
    return isinstance(value, {"string": str, "boolean": bool, "array": list, "object": dict, "null": type(None)}[kind])


def _object(schema: Schema, value: dict[str, object], path: str) -> dict[str, object]:
    others = schema.get("additionalProperties", True)
    fields = schema.get("properties")
    if fields is None:
        entry: Schema = {} if isinstance(others, bool) else others
        return {name: conform(entry, item, _below(path, name)) for name, item in value.items()}
    unknown = sorted(set(value) - set(fields))
    if unknown and others is False:
        raise UnknownField(path, unknown[0], list(fields))
    found: dict[str, object] = {}
    for name, field in fields.items():
        below = _below(path, name)
        if name in value and (value[name] is not None or _allows_null(field)):
            found[name] = conform(field, value[name], below)
        elif "default" in field:
            found[name] = conform(field, field["default"], below)
        elif name in schema.get("required", []):
            raise Mismatch(below, describe(field), ABSENT)
    return found


def _allows_null(schema: Schema) -> bool:
    schema = _resolved(schema)
    return "null" in kinds_of(schema) or any(_allows_null(one) for one in schema.get("anyOf", []))


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _describe_kind(kind: str, schema: Schema) -> str:
    if kind in ("integer", "number"):
        return _describe_number("an integer" if kind == "integer" else "a number", schema)
    if kind == "array":
        of = kinds_of(_resolved(schema.get("items", {})))
        things = {"string": "strings", "object": "objects"}.get(of[0] if len(of) == 1 else "", "values")
        return f"a list of {things}" + (" with at least one" if schema.get("minItems") else "")
    if kind == "string":
        return "a non-empty string" if schema.get("minLength") else "a string"
    return {"boolean": "true or false", "object": "an object", "null": "null"}[kind]


def _describe_number(noun: str, schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if above is not None:
        return f"{noun} between {above} and {below}" if below is not None else f"{noun} above {above}"
    if low is not None:
        return f"{noun} from {low} to {high}" if high is not None else f"{noun} of at least {low}"
    return noun


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__} {text[:57]}…"
