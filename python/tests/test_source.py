from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mediwatch_training.errors import DataInvalid
from mediwatch_training.training.table import read_table

ROWS = "name,size,größe\nrot,1.5,a\ngrün,2,b\n"


def zipped(content: bytes, *more: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in ("rows.csv", "__MACOSX/._rows.csv", *more):
            archive.writestr(name, content if name == "rows.csv" else b"x")
    return buffer.getvalue()


def read(tmp_path: Path, content: bytes, **given: str):
    (tmp_path / "t.csv").write_bytes(content)
    return read_table(str(tmp_path / "t.csv"), **given)


def refused(tmp_path: Path, content: bytes, said: str, **given: str) -> str:
    with pytest.raises(DataInvalid, match=said) as caught:
        read(tmp_path, content, **given)
    return caught.value.message


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "windows-1252"])
@pytest.mark.parametrize("pack", [None, gzip.compress, bz2.compress, lzma.compress, zipped])
def test_a_table_is_read_however_it_was_exported(tmp_path, separator, encoding, pack):
    content = ROWS.replace(",", separator).encode(encoding)
    if encoding == "utf-16-be":
        content = b"\xfe\xff" + content
    table = read(tmp_path, content if pack is None else pack(content))
    assert table.names == ["name", "size", "größe"]
    assert list(table.frame["name"]) == ["rot", "grün"] and list(table.frame["size"]) == [1.5, 2]
    found = {"utf-8-sig": "utf-8", "utf-16-be": "utf-16"}.get(encoding, encoding)
    assert (table.separator, table.encoding) == (separator, found)


def test_separator_and_encoding_can_be_said(tmp_path):
    table = read(tmp_path, "a,b;c\n1,2;x\n3,4;ž\n".encode("iso-8859-2"), separator=";", encoding="iso-8859-2")
    assert table.names == ["a,b", "c"] and list(table.frame["c"]) == ["x", "ž"]


def test_text_cells_with_other_separators_do_not_mislead(tmp_path):
    rows = "".join(f'{n},"one; two; three | four",{n}\n' for n in range(30))
    assert read(tmp_path, f"a,note,b\n{rows}".encode()).names == ["a", "note", "b"]


@pytest.mark.parametrize("name", ["t.parquet", "t.csv"])
def test_parquet_is_known_by_its_content_and_read_as_the_same_table(tmp_path, name):
    frame = pd.DataFrame(
        {
            "size": [1.5, None, 3],
            "count": [1, 2, 3],
            "flag": [True, False, None],
            "colour": pd.Categorical(["red", "N/A", "red"]),
            "day": pd.to_datetime(["2026-01-31", "2026-02-01", None]),
        }
    )
    frame.to_parquet(tmp_path / name)
    table = read_table(str(tmp_path / name), ("count",))
    assert table.separator is None and table.lines([0, 2]) == [1, 3]
    np.testing.assert_array_equal(table.frame["size"], [1.5, np.nan, 3])
    assert list(table.frame["count"]) == ["1", "2", "3"] and list(table.frame["flag"]) == ["True", "False", None]
    assert list(table.frame["colour"]) == ["red", None, "red"]
    assert table.frame["day"][0].startswith("2026-01-31")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"../.git/annex/objects/xx/MD5E-s1--00.csv", "git annex get"),
        (b"<!DOCTYPE html>\n<html>", "HTML"),
        (b'\xef\xbb\xbf<?xml version="1.0"?>', "HTML or XML"),
        (b'[{"a": 1}, {"a": 2}]', "JSON"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Excel"),
        (zipped(b"a", "[Content_Types].xml"), "Excel"),
        (zipped(b"a", "other.csv"), "2 files"),
        (b"SQLite format 3\x00", "SQLite"),
        (b"PK\x03\x04 half", "damaged zip"),
        (b"BZh91AY half", "damaged bzip2"),
        (b"PAR1 half", "not a Parquet file"),
        (b"a\x00b\x00,\x00", "zero bytes.*utf-16-le"),
        (b"a,b\n\x81\x8d,1\n", "data.encoding"),
    ],
)
def test_what_is_no_table_is_called_by_its_name_with_what_to_do(tmp_path, content, said):
    refused(tmp_path, content, said)


def test_an_encoding_that_nobody_knows_is_refused(tmp_path):
    refused(tmp_path, b"a,b\n1,2\n", "no encoding klingon", encoding="klingon")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_comes_again_is_refused_with_its_line(tmp_path, end, mark):
    part = end.join(["a,b", "1,2", "3,4", ""])
    message = refused(tmp_path, f"{part}{mark}{part}".encode(), "Line 4")
    assert "header line again" in message
    # A value that is called like its column is none.
    assert len(read(tmp_path, b"a,b\na,2\nb,a\n").frame) == 2


def test_a_row_of_more_cells_is_told_by_its_line_with_any_separator(tmp_path):
    message = refused(tmp_path, b"a;b\n1;2\n1;SECRET;3\n", "line 3 has 3 cells, the header 2")
    assert "SECRET" not in message


def test_names_are_kept_and_all_that_come_twice_are_named(tmp_path):
    table = read(tmp_path, "\ufeffpump id,Flow [l/min], Vibration (mm/s)\nP0,1,2\n".encode())
    assert table.names == ["pump id", "Flow [l/min]", " Vibration (mm/s)"]
    message = refused(tmp_path, b"flow,x,flow,x,y\n1,2,3,4,5\n", "more than one column", codes=("y",))
    assert "'flow', 'x'" in message


def test_rows_are_told_by_the_line_in_which_they_begin(tmp_path):
    table = read(tmp_path, b'a,b\n1,"two\nlines"\n\n2,x\n3,y\n')
    assert table.lines([0, 1, 2]) == [2, 5, 6]
    assert read(tmp_path, b"a,b\n1,2\n3,4").lines([1]) == [3]


def test_empty_lines_are_no_rows(tmp_path):
    table = read(tmp_path, b"\n\na,b\n1,2\n\n3,4\n\n")
    assert list(table.frame["a"]) == [1, 3] and table.lines([0, 1]) == [4, 6]
    refused(tmp_path, b"sep=;\na;b\n1;2\n", "remove the first line")
