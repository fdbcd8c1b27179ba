"""The newest lines of a CSV file that others append to, without reading the rest."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

_BLOCK = 4 * 2**20
_HEADER_LIMIT = 2**20
_BOM = b"\xef\xbb\xbf"


def read_tail(path: Path, lines: int) -> tuple[bytes, bytes, bool]:
    """Return the header line, at least the last `lines` lines after it, and whether these are all there are.

    What follows the last line end is left out: somebody is writing it. Lines inside a quoted value count as lines,
    but the text always begins with a whole row.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        header = _header(file)
        begin, end = len(header), file.seek(0, 2)
        blocks: list[bytes] = []
        position, found = end, 0
        # One more than asked for: the first line that is found may have begun before.
        while position > begin and found <= lines + 1:
            start = max(begin, position - _BLOCK)
            file.seek(start)
            blocks.append(file.read(position - start))
            found += blocks[-1].count(b"\n")
            position = start
    body = b"".join(reversed(blocks))
    body = body[: body.rfind(b"\n") + 1]
    if position > begin:
        return header.removeprefix(_BOM), body[_first_row(body) :], False
    # A quote that was never closed: the row that it is in was torn, or is being written.
    if body.count(b'"') % 2:
        body = body[: body.rfind(b"\n", 0, body.rfind(b'"')) + 1]
    return header.removeprefix(_BOM), body, True


def _header(file: BinaryIO) -> bytes:
    head = file.read(_HEADER_LIMIT)
    end = head.find(b"\n")
    while end >= 0 and head.count(b'"', 0, end) % 2:
        end = head.find(b"\n", end + 1)
    return head[: end + 1]


def _first_row(body: bytes) -> int:
    """Return where the first whole row begins: after a line end that is followed by an even number of quotes."""
    quotes = body.count(b'"')
    position = body.find(b"\n")
    while position >= 0:
        if (quotes - body.count(b'"', 0, position)) % 2 == 0:
            return position + 1
        position = body.find(b"\n", position + 1)
    return len(body)
