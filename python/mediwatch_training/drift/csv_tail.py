"""The newest lines of a CSV file that others append to, without reading the rest."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

_BLOCK = 4 * 2**20
_HEADER_LIMIT = 2**20
_BOM = b"\xef\xbb\xbf"


class Tail(NamedTuple):
    """The end of a file: whole lines, of which the first may be in the middle of a row."""

    #: The header line.
    header: bytes
    lines: bytes
    #: Where they begin in the file (bytes).
    offset: int
    #: Whether these are all lines that there are.
    whole: bool

    @property
    def skipped(self) -> int:
        """How many bytes of the lines are before the first whole row."""
        return 0 if self.whole else _first_row(self.lines)


def read_tail(path: Path, lines: int) -> Tail:
    """Return at least the last `lines` lines after the header.

    What follows the last line end is left out: somebody is writing it. Lines inside a quoted value count as lines.

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
    return Tail(header.removeprefix(_BOM), body[: body.rfind(b"\n") + 1], position, position == begin)


def whole_tail(content: bytes) -> Tail:
    """Return all lines of a file that is there as a whole; the last one may lack its end."""
    content = content.removeprefix(_BOM)
    begin = _header_end(content)
    lines = content[begin:]
    return Tail(content[:begin], lines if lines.endswith(b"\n") or not lines else lines + b"\n", 0, True)


def lines_before(path: Path, offset: int) -> int:
    """Return how many lines end before a place in a file; 0 if it cannot be read."""
    count = 0
    try:
        with path.open("rb") as file:
            while offset > 0 and (block := file.read(min(offset, _BLOCK))):
                count += block.count(b"\n")
                offset -= len(block)
    except OSError:
        return 0
    return count


def _header(file: BinaryIO) -> bytes:
    head = file.read(_HEADER_LIMIT)
    return head[: _header_end(head)]


def _header_end(head: bytes) -> int:
    end = head.find(b"\n")
    while end >= 0 and head.count(b'"', 0, end) % 2:
        end = head.find(b"\n", end + 1)
    return end + 1


def _first_row(body: bytes) -> int:
    """Return where the first whole row begins: after a line end that is followed by an even number of quotes."""
    quotes = body.count(b'"')
    position = body.find(b"\n")
    while position >= 0:
        if (quotes - body.count(b'"', 0, position)) % 2 == 0:
            return position + 1
        position = body.find(b"\n", position + 1)
    return len(body)
