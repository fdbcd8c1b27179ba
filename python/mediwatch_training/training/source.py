"""Opens a data file: unpacks it, finds out what it is, and makes UTF-8 of its text.

Everything is found from the bytes, as names say little: an export is called ``data.csv`` whatever is in it.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import errno
import gzip
import hashlib
import io
import lzma
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, cast

from ..errors import DataInvalid, DataNotFound

SEPARATORS = (",", ";", "\t", "|")
#: What the bytes are taken for that are no UTF-8, where the settings do not say.
FALLBACK = "windows-1252"
PARQUET_MAGIC = b"PAR1"
# How many packings there may be around each other.
_LAYERS = 3
# Rows by which the separator is found.
_SAMPLE_ROWS, _SAMPLE_BYTES = 50, 2**18
# A file may be larger than memory: so much of it is read at a time.
_BLOCK = 2**22
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What people have in place of a table, by how it begins, and what to do about it.
_OTHERS = (
    (rb"version https://git-lfs", "a pointer of Git LFS in place of the file: run git lfs pull"),
    (rb"(\.\./)*\.git/annex/|/annex/objects/", "a pointer of git-annex in place of the file: run git annex get"),
    (rb"\s*<", "an HTML or XML page, perhaps of a login or an error: download the file itself"),
    (rb"\s*(\{\s*[\"}]|\[\s*[\[{\"\]])", "JSON: save it as CSV or Parquet"),
    (rb"\xd0\xcf\x11\xe0", "an Excel file: save the sheet as CSV"),
    (
        rb"sep=.\r?\n",
        "a CSV file with a line for Excel before its header: remove the first line, which begins with sep=",
    ),
    (rb"%PDF", "a PDF: save the table as CSV"),
    (rb"SQLite format 3\x00", "an SQLite database: export the table as CSV"),
    (rb"\x93NUMPY", "a NumPy array: save it with the names of its columns as CSV or Parquet"),
    (rb"ARROW1|FEA1", "a Feather file: save it as Parquet"),
)
# Not the fault of a packed file.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_PACKED_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, RuntimeError)


@dataclass(frozen=True)
class Source:
    """The content of a file: Parquet, or CSV as UTF-8, without packing and byte order mark.

    Attributes:
        separator: Between the cells of CSV; None: it is Parquet.
        encoding: What the text was encoded in.
        sha256: Of the unpacked bytes.
        size: How many bytes there are.
        lines: How many lines there are; the last one may lack its end.
        quoted: Whether there is a quotation mark, so that a cell may have several lines.
    """

    separator: str | None
    encoding: str
    sha256: str
    size: int
    lines: int
    quoted: bool
    _file: BinaryIO

    def open(self) -> BinaryIO:
        """Return the content from its first byte; what was opened before goes on there too."""
        handle = os.dup(self._file.fileno())
        os.lseek(handle, 0, os.SEEK_SET)
        return os.fdopen(handle, "rb")

    def rows(self) -> Iterator[tuple[list[str], int, int]]:
        """Yield the rows of CSV, each with the lines in which it begins and ends, from 1 on."""
        with io.TextIOWrapper(self.open(), "utf-8", "replace", newline="") as text:
            reader = csv.reader(text, delimiter=self.separator or ",")
            before = 0
            for cells in reader:
                yield cells, before + 1, reader.line_num
                before = reader.line_num


def open_source(path: str, separator: str | None = None, encoding: str | None = None) -> Source:
    """Return the content of a CSV or Parquet file, packed or not.

    Args:
        path: The file.
        separator: Between cells; None: it is found from the first rows.
        encoding: Of the text; None: UTF-8, another one by its byte order mark, or else `FALLBACK`.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: It is empty, damaged, or something else than a table; the message says what it is.
    """
    file = _unpacked(_open(Path(path)), path)
    raw = _survey(file)
    if raw.blank:
        raise DataInvalid(f"{path} is empty: expected a CSV file with a header line", "dataPath")
    if raw.head.startswith(PARQUET_MAGIC):
        return Source(None, "", raw.sha256, raw.size, 0, False, file)
    _refuse_others(raw.head, path)
    found = _encoding(raw, encoding)
    text = raw
    if found != "utf-8" or not raw.is_utf8 or raw.head.startswith(codecs.BOM_UTF8):
        file = _as_utf8(file, path, found)
        text = _survey(file)
    _refuse_others(text.head, path)
    if text.zeros:
        raise DataInvalid(
            f"{path} is not a CSV file that can be read: it holds zero bytes. If it is UTF-16 without a byte order "
            "mark, set data.encoding to utf-16-le",
            "encoding",
        )
    between = separator or find_separator(text.head, whole=text.size <= len(text.head))
    return Source(between, found, raw.sha256, text.size, text.lines, text.quoted, file)


@dataclass(frozen=True)
class _Survey:
    """What one reading of a file tells; `head` are its first bytes."""

    head: bytes
    size: int
    sha256: str
    blank: bool
    zeros: bool
    quoted: bool
    is_utf8: bool
    lines: int


def _survey(file: BinaryIO) -> _Survey:
    file.seek(0)
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    head = last = b""
    size = lines = 0
    blank, zeros, quoted, is_utf8 = True, False, False, True
    while block := file.read(_BLOCK):
        digest.update(block)
        head = head or block[:_SAMPLE_BYTES]
        size += len(block)
        lines += block.count(b"\n")
        last = block[-1:]
        blank = blank and not block.strip()
        zeros = zeros or b"\x00" in block
        quoted = quoted or b'"' in block
        is_utf8 = is_utf8 and _decodes(decoder, block)
    is_utf8 = is_utf8 and _decodes(decoder, b"", final=True)
    return _Survey(head, size, digest.hexdigest(), blank, zeros, quoted, is_utf8, lines + (last not in (b"\n", b"")))


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


def _open(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        raise DataNotFound(f"There is no data file {path}: correct dataPath", "dataPath") from error
    except OSError as error:
        raise DataNotFound(f"The data file {path} cannot be read: {error.strerror}", "dataPath") from error


def _unpacked(file: BinaryIO, path: str) -> BinaryIO:
    for _ in range(_LAYERS):
        kind = packing(file.read(8))
        file.seek(0)
        if kind is None:
            return file
        try:
            with opened(file, kind, path) as content:
                file = _kept(content)
        except _PACKED_ERRORS as error:
            if isinstance(error, OSError) and error.errno in _NO_ROOM:
                raise
            raise DataInvalid(f"{path} is a damaged {kind} file: {error}", "dataPath") from error
    raise DataInvalid(f"{path} is packed more than {_LAYERS} times: unpack it", "dataPath")


def opened(file: BinaryIO, kind: str, path: str) -> IO[bytes]:
    """Return what a packed file holds."""
    if kind == "zip":
        return _only_member(file, path)
    if kind == "zstd":
        import pyarrow as pa

        return cast("IO[bytes]", pa.CompressedInputStream(pa.PythonFile(cast("io.IOBase", file), "r"), "zstd"))
    return cast("IO[bytes]", {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}[kind](file, "rb"))


def _kept(content: IO[bytes]) -> BinaryIO:
    """Copy a stream into an unnamed temporary file, which disappears when it is closed."""
    file = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - whoever asked for it closes it
    shutil.copyfileobj(content, file, _BLOCK)
    file.seek(0)
    return file


def packing(content: bytes) -> str | None:
    """Return how content is packed, by its first bytes; None: it is not."""
    magics = {
        b"\x1f\x8b": "gzip",
        b"BZh": "bzip2",
        b"\xfd7zXZ\x00": "xz",
        b"\x28\xb5\x2f\xfd": "zstd",
        b"PK\x03\x04": "zip",
    }
    return next((kind for magic, kind in magics.items() if content.startswith(magic)), None)


def _only_member(file: BinaryIO, path: str) -> IO[bytes]:
    archive = zipfile.ZipFile(file)
    names = archive.namelist()
    if "[Content_Types].xml" in names or "content.xml" in names:
        raise DataInvalid(f"{path} is an Excel or office file: save the sheet as CSV", "dataPath")
    members = [name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/")]
    if len(members) != 1:
        raise DataInvalid(
            f"{path} is a zip file with {len(members)} files in it: expected one. Unpack it, and name the file",
            "dataPath",
        )
    return archive.open(members[0])


def _encoding(raw: _Survey, wanted: str | None) -> str:
    """Return what the text is encoded in."""
    found = next((name for mark, name in _BOMS if raw.head.startswith(mark)), None)
    if raw.is_utf8 and (found == "utf-8" or (found is None and wanted is None)):
        return "utf-8"
    return wanted or (FALLBACK if found in (None, "utf-8") else found)


def _as_utf8(file: BinaryIO, path: str, encoding: str) -> BinaryIO:
    """Return a copy in UTF-8, without a byte order mark."""
    copy = cast("BinaryIO", tempfile.TemporaryFile())  # noqa: SIM115 - it stays open
    file.seek(len(codecs.BOM_UTF8) if file.read(3) == codecs.BOM_UTF8 else 0)
    begin = True
    try:
        text = io.TextIOWrapper(file, encoding, newline="")
        while block := text.read(_BLOCK):
            copy.write((block.removeprefix("\ufeff") if begin else block).encode())
            begin = False
    except LookupError as error:
        raise DataInvalid(f"There is no encoding {encoding}: correct data.encoding", "encoding") from error
    except UnicodeError as error:
        raise DataInvalid(
            f"{path} is not a CSV file that can be read: it is neither UTF-8 nor {encoding}. Set data.encoding to its "
            "encoding, or save it as UTF-8",
            "encoding",
        ) from error
    return copy


def _refuse_others(content: bytes, path: str) -> None:
    for begin, what in _OTHERS:
        if re.match(begin, content[:200]):
            raise DataInvalid(f"{path} is {what}", "dataPath")


def find_separator(head: bytes, whole: bool = True) -> str:
    """Return what is between the cells: what cuts the first rows into as many as the header most often.

    Args:
        head: How the file begins.
        whole: Whether it ends there too, and not in the middle of a row.
    """
    lines = head if whole else head[: head.rfind(b"\n") + 1] or head
    text = lines.decode("utf-8", "replace")

    def fit(separator: str) -> tuple[bool, float, int]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        widths: list[int] = []
        try:
            widths += [len(row) for row, _ in zip(rows, range(_SAMPLE_ROWS), strict=False) if row]
        except csv.Error:
            return False, 0.0, 0
        alike = sum(width == widths[0] for width in widths) / len(widths) if widths else 0.0
        return bool(widths) and widths[0] > 1, alike, widths[0] if widths else 0

    # The first of those that are as good is the comma.
    return max(SEPARATORS, key=fit)
