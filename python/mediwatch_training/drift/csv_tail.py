"""The newest lines of a CSV file that others append to, without reading the rest."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import IO, NamedTuple

_BLOCK = 4 * 2**20
_HEADER_LIMIT = 2**20
_BOM = b"\xef\xbb\xbf"


class Tail(NamedTuple):
    """The end of a file: whole lines, of which the first may be in the middle of a row."""

    #: The header line.
    header: bytes
    lines: bytes
    #: Whether these are all lines that there are.
    whole: bool
    #: Returns how many lines of the file are before these.
    before: Callable[[], int]

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
    lines_read = body[: body.rfind(b"\n") + 1]
    return Tail(header.removeprefix(_BOM), lines_read, position == begin, lambda: _lines_before(path, position))


def unpacked_tail(file: IO[bytes], lines: int) -> Tail:
    """Return at least the last `lines` lines after the header of what can only be read from its beginning.

    The last line may lack its end.
    """
    head = file.read(_HEADER_LIMIT).removeprefix(_BOM)
    begin = _header_end(head)
    header, blocks = head[:begin], deque([head[begin:]])
    before = dropped = header.count(b"\n")
    found = blocks[0].count(b"\n")
    while block := file.read(_BLOCK):
        blocks.append(block)
        found += block.count(b"\n")
        while found - (first := blocks[0].count(b"\n")) > lines:
            blocks.popleft()
            found, before = found - first, before + first
    body = b"".join(blocks)
    ended = body if body.endswith(b"\n") or not body else body + b"\n"
    return Tail(header, ended, before == dropped, lambda: before)


def _lines_before(path: Path, offset: int) -> int:
    """Return how many lines end before a place in a file; 0 if it cannot be read."""
    import numpy as np

    count, block = 0, np.empty(_BLOCK, np.uint8)
    try:
        with path.open("rb", buffering=0) as file:
            while offset > 0 and (size := file.readinto(block[:offset].data)):
                count += int(np.count_nonzero(block[:size] == ord("\n")))
                offset -= size
    except OSError:
        return 0
    return count


def _header(file: IO[bytes]) -> bytes:
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
