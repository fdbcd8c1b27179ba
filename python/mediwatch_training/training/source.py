"""Opens a data file: unpacks it, finds out what it is, and makes UTF-8 of its text.

Everything is found from the bytes, as names say little: an export is called ``data.csv`` whatever is in it.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import hashlib
import io
import lzma
import re
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from ..errors import DataInvalid, DataNotFound

SEPARATORS = (",", ";", "\t", "|")
#: What the bytes are taken for that are no UTF-8, where the settings do not say.
FALLBACK = "windows-1252"
PARQUET_MAGIC = b"PAR1"
# How many packings there may be around each other.
_LAYERS = 3
# Rows by which the separator is found.
_SAMPLE_ROWS, _SAMPLE_BYTES = 50, 2**18
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
_PACKED_ERRORS = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, RuntimeError)


@dataclass(frozen=True)
class Source:
    """The content of a file: Parquet, or CSV as UTF-8.

    Attributes:
        content: Without packing and byte order mark.
        separator: Between the cells of CSV; None: it is Parquet.
        encoding: What the text was encoded in.
        sha256: Of the unpacked bytes.
    """

    content: bytes
    separator: str | None
    encoding: str
    sha256: str


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
    raw = _unpacked(_read(Path(path)), path)
    if not raw.strip():
        raise DataInvalid(f"{path} is empty: expected a CSV file with a header line", "dataPath")
    sha256 = hashlib.sha256(raw).hexdigest()
    if raw.startswith(PARQUET_MAGIC):
        return Source(raw, None, "", sha256)
    _refuse_others(raw, path)
    content, found = _as_utf8(raw, path, encoding)
    _refuse_others(content, path)
    if b"\x00" in content:
        raise DataInvalid(
            f"{path} is not a CSV file that can be read: it holds zero bytes. If it is UTF-16 without a byte order "
            "mark, set data.encoding to utf-16-le",
            "encoding",
        )
    return Source(content, separator or find_separator(content), found, sha256)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DataNotFound(f"There is no data file {path}: correct dataPath", "dataPath") from error
    except OSError as error:
        raise DataNotFound(f"The data file {path} cannot be read: {error.strerror}", "dataPath") from error


def _unpacked(content: bytes, path: str) -> bytes:
    for _ in range(_LAYERS):
        kind = packing(content)
        if kind is None:
            return content
        try:
            content = unpack(content, kind) if kind != "zip" else _only_member(content, path)
        except _PACKED_ERRORS as error:
            raise DataInvalid(f"{path} is a damaged {kind} file: {error}", "dataPath") from error
    raise DataInvalid(f"{path} is packed more than {_LAYERS} times: unpack it", "dataPath")


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


def unpack(content: bytes, kind: str) -> bytes:
    """Return content that is packed as gzip, bzip2, xz or zstd.

    Raises:
        OSError: It is damaged; zlib.error, EOFError and lzma.LZMAError as well.
    """
    if kind == "zstd":
        import pyarrow as pa

        return pa.CompressedInputStream(pa.BufferReader(content), "zstd").read()
    return {"gzip": gzip.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress}[kind](content)


def _only_member(content: bytes, path: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        if "[Content_Types].xml" in names or "content.xml" in names:
            raise DataInvalid(f"{path} is an Excel or office file: save the sheet as CSV", "dataPath")
        members = [name for name in names if not name.endswith("/") and not name.startswith("__MACOSX/")]
        if len(members) != 1:
            raise DataInvalid(
                f"{path} is a zip file with {len(members)} files in it: expected one. Unpack it, and name the file",
                "dataPath",
            )
        return archive.read(members[0])


def _as_utf8(content: bytes, path: str, encoding: str | None) -> tuple[bytes, str]:
    mark, found = next(((mark, name) for mark, name in _BOMS if content.startswith(mark)), (b"", None))
    if found == "utf-8" or (found is None and encoding is None):
        content = content.removeprefix(mark)
        try:
            content.decode()
            return content, "utf-8"
        except UnicodeDecodeError:
            found = FALLBACK
    name = encoding or found or FALLBACK
    try:
        return content.decode(name).removeprefix("\ufeff").encode(), name
    except LookupError as error:
        raise DataInvalid(f"There is no encoding {name}: correct data.encoding", "encoding") from error
    except UnicodeError as error:
        raise DataInvalid(
            f"{path} is not a CSV file that can be read: it is neither UTF-8 nor {name}. Set data.encoding to its "
            "encoding, or save it as UTF-8",
            "encoding",
        ) from error


def _refuse_others(content: bytes, path: str) -> None:
    for begin, what in _OTHERS:
        if re.match(begin, content[:200]):
            raise DataInvalid(f"{path} is {what}", "dataPath")


def find_separator(content: bytes) -> str:
    """Return what is between the cells: what cuts the first rows into as many as the header most often."""
    sample = content[:_SAMPLE_BYTES]
    whole = sample if len(sample) == len(content) else sample[: sample.rfind(b"\n") + 1] or sample
    text = whole.decode("utf-8", "replace")

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
