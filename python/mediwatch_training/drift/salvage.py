"""Reads what can be read of lines with broken rows among them: slower than Arrow, which gives up at the first one."""

from __future__ import annotations

import csv
from typing import Literal, NamedTuple, TypeAlias

#: Why a row is left out: another number of cells than the header has, no UTF-8, a quote that nobody closes, too long, a
#: time that is still to come, or a text where the column has numbers.
Code: TypeAlias = Literal["cells", "bytes", "quote", "size", "time", "number"]

# A row that has not ended after so many lines or bytes never does.
_MOST_LINES = 100
_LONGEST = csv.field_size_limit()


class Salvaged(NamedTuple):
    """Rows as text, at which line each begins, and the lines of those that cannot be read, from 0 on."""

    rows: list[list[str]]
    lines: list[int]
    broken: list[tuple[Code, int]]


def salvage(content: bytes, width: int, whole: bool, separator: str = ",") -> Salvaged:
    """Read rows of `width` cells; where one is broken, go on with the next line.

    Args:
        content: Whole lines.
        width: Cells that the header has.
        whole: Whether they begin with a row; otherwise what is before the first row that can be read is none.
        separator: What is between cells.
    """
    lines = content.split(b"\n")[:-1]
    found = Salvaged([], [], [])
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        row, used = _row(lines, at, width, separator)
        if isinstance(row, list):
            found.rows.append(row)
            found.lines.append(at)
        elif whole or found.rows:
            found.broken.append((row, at))
        at += used
    return found


def _row(lines: list[bytes], at: int, width: int, separator: str) -> tuple[list[str] | Code, int]:
    """Return the row that begins at a line, or why it is none, and of how many lines it is."""
    content, used = lines[at], 1
    while content.count(b'"') % 2 and len(content) <= _LONGEST:
        if used == _MOST_LINES or at + used == len(lines):
            return "quote", 1
        content += b"\n" + lines[at + used]
        used += 1
    if len(content) > _LONGEST:
        return "size", 1
    try:
        cells = next(csv.reader([content.decode().removesuffix("\r")], delimiter=separator))
    except UnicodeDecodeError:
        # The lines that an open quote has taken in are looked at again by themselves.
        return "bytes", 1
    except csv.Error:
        return "cells", 1
    if len(cells) == width:
        return cells, used
    return ("cells" if used == 1 else "quote"), 1
