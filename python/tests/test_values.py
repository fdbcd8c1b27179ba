from __future__ import annotations

import pytest

from mediwatch_training.values import (
    MISSING,
    Unreadable,
    category_of,
    date_of,
    decimal_of,
    has_unit,
    is_missing,
    iso,
    number_of,
    read_value,
    truth_of,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("428", 428),
        (" 428.0 ", 428),
        ("-1.5e3", -1500),
        (".5", 0.5),
        ("1,647.27", 1647.27),
        ("12 345", 12345),
        ("12\u2019345.5", 12345.5),
        ("1\u00a0234\u00a0567", 1234567),
        ("$1,647.27", 1647.27),
        ("€ 12", 12),
        ("12 EUR", 12),
        ("-$5", -5),
        ("$-5", -5),
        ("(12.50)", -12.5),
        ("\u22123", -3),
        ("12%", 12),
    ],
)
def test_a_text_is_a_number_in_each_way_that_people_write_one(text, number):
    assert number_of(text) == number


@pytest.mark.parametrize(
    "text",
    ["7_0", "25 mg", "1,23", "1,2345", "1.2.3", "12:30", "inf", "nan", "1e999", "", "$", "--5", "\u0663", "0x1f"],
)
def test_a_text_that_is_no_number_is_none(text):
    assert number_of(text) is None


@pytest.mark.parametrize(
    ("text", "number"),
    [("1.647,27", 1647.27), ("2,9", 2.9), ("1.200", 1200), ("950", 950), ("428.0", 428), ("€ 3,5", 3.5)],
)
def test_a_decimal_comma_changes_what_a_point_means(text, number):
    assert number_of(text, ",") == number


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["1,647.27", "751.00"], (".", False)),
        (["1.647,27", "751,00", "1.200"], (",", False)),
        (["1,234", "2,345"], (None, True)),
        (["12", "13"], (None, False)),
        (["1,234,567"], (".", False)),
    ],
)
def test_what_is_before_a_fraction_comes_from_the_numbers_that_can_be_read_in_one_way_only(texts, found):
    assert decimal_of(texts) == found


@pytest.mark.parametrize(
    ("text", "day_first", "expected"),
    [
        ("2026-06-05", True, "2026-06-05"),
        ("2026-06-05T23:44:00Z", True, "2026-06-05T23:44:00"),
        ("2026-06-05 23:44:00.123+02:00", True, "2026-06-05T21:44:00"),
        ("28/01/2025", True, "2025-01-28"),
        ("01/28/2025", False, "2025-01-28"),
        ("3.4.2025 7:05", True, "2025-04-03T07:05:00"),
        ("04/03/2025 12:30 AM", False, "2025-04-03T00:30:00"),
        ("28 Jan 2025", True, "2025-01-28"),
        ("28-JAN-2025", True, "2025-01-28"),
        ("January 28, 2025", False, "2025-01-28"),
        ("28/01/25", True, "2025-01-28"),
        ("1/28/99", False, "1999-01-28"),
        ("20250128", True, "2025-01-28"),
    ],
)
def test_a_date_is_read_however_it_is_written(text, day_first, expected):
    moment = date_of(text, day_first)
    assert moment is not None and iso(moment) == expected


@pytest.mark.parametrize(
    "text", ["28/13/2025", "2025-02-30", "10:30", "250.83", "2025", "12 Foo 2025", "1/2/3", "1.2.34", "13:99 1/1/2025"]
)
def test_what_no_calendar_has_is_no_date(text):
    assert date_of(text) is None


def test_one_list_says_what_is_missing():
    assert all(is_missing(text) for text in [*MISSING, "  ", " NA ", None, float("nan")])
    assert not any(is_missing(value) for value in ["none of these", "-", "0", 0, False, "unknown"])


def test_the_spelling_of_a_number_is_not_its_identity():
    assert {category_of(value) for value in ("428", 428, 428.0, "428.0")} == {"428"}
    # Leading zeros and further digits are part of a code.
    assert {category_of(value) for value in ("007", "250.00", "250.8", "V27")} == {"007", "250.00", "250.8", "V27"}


@pytest.mark.parametrize(
    ("value", "truth"),
    [("YES", True), ("n", False), (True, True), (0, False), ("0", False), ("maybe", None), (2, None)],
)
def test_a_truth_value_has_many_spellings(value, truth):
    assert truth_of(value) is truth


def test_a_number_with_a_unit_is_recognised():
    assert has_unit("25 mg") and has_unit("3.5km/h") and not has_unit("25") and not has_unit("V27")


@pytest.mark.parametrize(
    ("value", "kind", "form", "read"),
    [
        ("7,5", "numeric", "1.234,5", 7.5),
        (7.5, "numeric", "1.234,5", 7.5),
        (True, "numeric", None, 1.0),
        ("N/A", "numeric", None, None),
        ("28/01/2025", "date", "dd/mm/yyyy", "2025-01-28"),
        ("2025-01-28", "date", "mm/dd/yyyy", "2025-01-28"),
        (True, "boolean", "Yes/No", "Yes"),
        ("false", "boolean", "Yes/No", "No"),
        ("maybe", "boolean", "Yes/No", "maybe"),
        (428.0, "categorical", None, "428"),
        ("anything", "unknown", None, "anything"),
        ("NA", "unknown", None, "NA"),
    ],
)
def test_a_value_is_read_by_the_kind_and_format_of_its_column(value, kind, form, read):
    assert read_value(value, kind, form) == read


@pytest.mark.parametrize(
    ("value", "kind"), [("7_0", "numeric"), (10**400, "numeric"), ("soon", "date"), (20250128, "date")]
)
def test_what_is_no_value_of_a_kind_is_not_guessed(value, kind):
    with pytest.raises(Unreadable):
        read_value(value, kind, None)
