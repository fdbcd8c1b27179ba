from __future__ import annotations

import pytest

from mediwatch_training.serving.records import BadRequest, RecordReader

FEATURES = [
    {"name": "km", "kind": "numeric"},
    {"name": "price", "kind": "numeric", "format": "1.234,5"},
    {"name": "day", "kind": "date", "format": "dd/mm/yyyy"},
    {"name": "flag", "kind": "boolean", "format": "Yes/No"},
    {"name": "ward", "kind": "categorical"},
    {"name": "truth", "kind": "categorical"},
]
SEEN = {"flag": ["No", "Yes", "?"], "ward": ["428", "V27", "?"], "truth": ["TRUE", "FALSE", "other"]}
reader = RecordReader(FEATURES, SEEN)
WHOLE = {"km": 1, "price": 2, "day": "2026-01-31", "flag": True, "ward": "428", "truth": True}


def read(**values: object) -> tuple[dict, list[str]]:
    columns, warnings = reader.read([{**WHOLE, **values}])
    return {name: value for name, [value] in columns.items()}, warnings


@pytest.mark.parametrize("ward", ["428", 428, 428.0, "428.0"])
def test_the_spelling_of_a_code_makes_no_difference(ward):
    assert read(ward=ward) == ({**read()[0], "ward": "428"}, [])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"km": "1,647.27"}, {"km": 1647.27}),
        ({"km": "428.0"}, {"km": 428.0}),
        ({"price": "1.647,27"}, {"price": 1647.27}),
        ({"price": "€ 3,5"}, {"price": 3.5}),
        ({"price": 1647.27}, {"price": 1647.27}),
        ({"day": "31/01/2026"}, {"day": "2026-01-31"}),
        ({"flag": "true"}, {"flag": "Yes"}),
        ({"flag": 0}, {"flag": "No"}),
        ({"truth": False}, {"truth": "FALSE"}),
        ({"km": None, "day": None, "ward": None}, {"km": None, "day": None, "ward": None}),
    ],
)
def test_values_are_taken_as_in_the_file_and_as_json_has_them(values, expected):
    record, warnings = read(**values)
    assert expected.items() <= record.items() and warnings == []


@pytest.mark.parametrize("text", ["", "?", "N/A", "None", " ", float("nan")])
@pytest.mark.parametrize("name", ["km", "day", "flag", "ward"])
def test_what_counts_as_missing_is_said_like_a_field_that_is_not_there(name, text):
    record, warnings = read(**{name: text})
    assert record[name] is None
    without = {field: value for field, value in WHOLE.items() if field != name}
    assert warnings == reader.read([without])[1] and name in warnings[0]


@pytest.mark.parametrize(("name", "value"), [("ward", "V99"), ("ward", 429), ("flag", "maybe")])
def test_a_category_that_was_never_seen_is_said(name, value):
    [warning] = read(**{name: value})[1]
    assert "not seen" in warning and name in warning and str(value) not in warning.replace("unknown", "")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"km": "7_0"}, "km must be a number or null, not a text"),
        ({"km": "inf"}, "km must be a number"),
        ({"km": "25 mg"}, "km must be a number"),
        ({"km": 10**400}, "km must be a number"),
        ({"price": "3.5.1"}, "as text written like 1.234,5"),
        ({"day": "soon"}, "day must be a date in ISO 8601 or as dd/mm/yyyy"),
        ({"day": 20260131}, "day must be a date"),
        ({"ward": ["428"]}, "must be a single value"),
    ],
)
def test_a_value_of_another_kind_is_refused_by_its_name(values, said):
    with pytest.raises(BadRequest) as caught:
        read(**values)
    assert said in caught.value.message and caught.value.status == 422


def test_values_of_one_feature_are_read_each_for_itself():
    wards: list[object] = ["428", 428, True, 1, 1.0, None, "428.0", "N/A", "V99"]
    columns, warnings = reader.read([{**WHOLE, "ward": ward} for ward in wards] * 600)
    assert columns["ward"] == ["428", "428", "True", "1", "1", None, "428", None, "V99"] * 600
    assert columns["km"] == [1.0] * 5400 and len(warnings) == 2
    with pytest.raises(BadRequest, match=r"records\[1500\].km must be a number"):
        reader.read([{**WHOLE, "km": "long" if number == 1500 else number} for number in range(2000)])
