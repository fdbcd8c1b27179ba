"""Reads a data file into a table of typed columns."""

from __future__ import annotations

import codecs
import csv
import traceback
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from ..errors import DataInvalid, described
from ..values import MAX_EXACT, MISSING
from .coded import coded, plain_frame
from .source import Source, open_source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import IO, TypeAlias

    import pandas as pd
    import pyarrow as pa
    from pyarrow import csv as arrow
    from pyarrow.lib import Int32Type, StringType

    from ..shapes import Codes, Floats

    Column: TypeAlias = pa.ChunkedArray[pa.Scalar[pa.DataType]]
    Values: TypeAlias = pa.Array[pa.Scalar[pa.DataType]]
    Dictionary: TypeAlias = pa.DictionaryArray[Int32Type, StringType]
    # Which of its distinct values each row holds, -1 for none, and these.
    Coded: TypeAlias = tuple[Codes, Values]

_MOST_NAMED = 10
# Of a CSV file so much is parsed at a time (bytes): a row must fit, and Arrow reads 32 of them ahead.
_BLOCK = 2**23


@dataclass(frozen=True)
class Table:
    """A data file: its columns but for those that nobody reads, the names of all, and its SHA-256 when unpacked.

    It is familiar when it has a column that the settings name. Of another file, messages name no column: its first line
    may be anything.

    Attributes:
        columns: See `coded`.
    """

    columns: pd.DataFrame
    names: list[str]
    sha256: str
    familiar: bool
    separator: str | None
    encoding: str
    _source: Source

    @property
    def frame(self) -> pd.DataFrame:
        """The columns as float64 and text."""
        return plain_frame(self.columns)

    def lines(self, rows: list[int]) -> list[int]:
        """Return the lines of the file in which rows begin; of Parquet, their numbers from 1 on.

        Args:
            rows: Positions in the frame, in ascending order.
        """
        if self.separator is None:
            return [row + 1 for row in rows]
        if self._source.lines == len(self.columns) + 1:
            return [row + 2 for row in rows]
        begins = [begin for cells, begin, _ in self._source.rows() if cells]
        # The first one is the header.
        return [begins[row + 1] for row in rows]

    def as_written(self, names: list[str]) -> pd.DataFrame:
        """Return columns of a CSV file once more, as the very text of the file."""
        return _frame({name: _column(*one, as_text=True) for name, one in _parse(self._source, names).items()})


def read_table(
    path: str,
    text_columns: tuple[str, ...] = (),
    unread: tuple[str, ...] = (),
    codes: tuple[str, ...] = (),
    separator: str | None = None,
    encoding: str | None = None,
) -> Table:
    """Read a CSV or Parquet file, packed or not; CSV with a header line.

    Columns whose every value is a number become float64 (missing and infinite values NaN), all others the very text of
    the file (missing values None); what stands for a missing value is in `values.MISSING`. The file is never in memory
    as a whole.

    Args:
        path: The file.
        text_columns: Columns to read as text whatever they hold, such as labels and group identifiers.
        unread: Columns that are not looked at: whatever they hold, they do no harm. The frame does not have them.
        codes: Columns whose numbers are names. They are text where float64 would give two of them one name.
        separator: Between the cells of CSV; None: found from the file.
        encoding: Of the text; None: found from the file.

    Raises:
        DataNotFound: There is no such file.
        DataInvalid: The file is empty, is no table, repeats a column name or its header, or has a row of more or fewer
            cells.
    """
    source = open_source(path, separator, encoding)
    import pyarrow as pa

    kind = "Parquet" if source.separator is None else "CSV"
    try:
        names = _names_of(source)
        familiar = any(name in names for name in (*text_columns, *unread, *codes))
        if len(set(names)) == len(names):
            wanted = [name for name in names if name not in unread]
            read = (
                _parse(source, wanted) if kind == "CSV" else _of_parquet(path, source, wanted, text_columns, familiar)
            )
        else:
            read = {}
    except (pa.ArrowException, OSError) as error:
        why = described(error) if kind == "Parquet" else _why_not_csv(source, error)
        raise DataInvalid(f"{path} is not a {kind} file that can be read: {why}", "dataPath") from error
    _refuse_repeated(path, names, familiar)
    if kind == "CSV" and len(names) > 1:
        _refuse_second_header(path, source)
    columns: dict[str, pd.Series] = {}
    for name in list(read):
        try:
            columns[name] = _column(*read.pop(name), name in text_columns, name in codes)
        except pa.ArrowException as error:
            which = f"The column {name!r}" if familiar else "A column"
            raise DataInvalid(f"{which} of {path} cannot be read: {described(error)}", "dataPath") from error
    return Table(_frame(columns), names, source.sha256, familiar, source.separator, source.encoding, source)


def _frame(columns: dict[str, pd.Series]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns, copy=False)


def _names_of(source: Source) -> list[str]:
    from pyarrow import parquet

    if source.separator is None:
        with parquet.ParquetFile(source.open()) as file:
            return file.schema_arrow.names
    with _reader(source, []) as reader:
        return reader.schema.names


def _reader(source: Source, columns: Sequence[str]) -> arrow.CSVStreamingReader:
    """Return what reads a CSV file in blocks, `columns` as text of which a block has each distinct one once."""
    import pyarrow as pa
    from pyarrow import csv as arrow

    return arrow.open_csv(
        cast("IO[bytes]", source.open()),
        read_options=arrow.ReadOptions(block_size=min(source.size + 1, _BLOCK)),
        parse_options=arrow.ParseOptions(delimiter=source.separator or ",", newlines_in_values=source.quoted),
        convert_options=_conversion(dict.fromkeys(columns, pa.dictionary(pa.int32(), pa.string())), [*columns]),
    )


def _conversion(types: dict[str, pa.DataType] | None = None, only: list[str] | None = None) -> arrow.ConvertOptions:
    from pyarrow import csv as arrow

    return arrow.ConvertOptions(
        null_values=list(MISSING),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types=types,
        include_columns=only,
        timestamp_parsers=["not a time stamp"],
        check_utf8=False,
    )


def _parse(source: Source, names: Sequence[str]) -> dict[str, Coded]:
    """Return columns of a CSV file as text."""
    blocks: dict[str, list[Coded]] = {name: [] for name in names}
    if not names:
        return {}
    with _reader(source, names) as reader:
        for batch in reader:
            for name, column in zip(names, cast("list[Dictionary]", batch.columns), strict=True):
                codes = column.indices.fill_null(-1).to_numpy()
                blocks[name].append((codes.astype(_code_type(len(column.dictionary))), column.dictionary))
    return {name: _joined(blocks.pop(name)) for name in names}


def _joined(blocks: list[Coded]) -> Coded:
    """Return the blocks of a column as one, whose values are in the order in which they come first."""
    import pyarrow as pa

    # Of many long texts there may be more than 2 GiB.
    texts = [pa.array([], pa.large_string()), *(values.cast(pa.large_string()) for _, values in blocks)]
    every = pa.concat_arrays(texts).dictionary_encode()
    numbers, values = every.indices.to_numpy(), every.dictionary
    joined = np.empty(sum(len(codes) for codes, _ in blocks), _code_type(len(values)))
    row = value = 0
    for codes, theirs in blocks:
        lookup = np.append(numbers[value : value + len(theirs)], -1).astype(joined.dtype)
        joined[row : row + len(codes)] = lookup[codes]
        row, value = row + len(codes), value + len(theirs)
    return joined, values


def _code_type(values: int) -> np.dtype[np.int8]:
    return np.min_scalar_type(-values - 1)


def _of_parquet(
    path: str, source: Source, names: Sequence[str], text_columns: Sequence[str], familiar: bool
) -> dict[str, Coded]:
    import pyarrow as pa
    from pyarrow import parquet

    columns: dict[str, Coded] = {}
    with parquet.ParquetFile(source.open()) as file:
        for name in names:
            column = file.read([name]).column(name)
            try:
                columns[name] = _of_one_kind(column, name in text_columns)
            except pa.ArrowException as error:
                which = f"The column {name!r}" if familiar else f"Column {names.index(name) + 1}"
                raise DataInvalid(
                    f"{which} of {path} holds {column.type}, which is neither a number nor text: name it in data.drop, "
                    "or take it apart before",
                    "dataPath",
                ) from error
    return columns


def _of_one_kind(column: Column, as_text: bool) -> Coded:
    """Return a column of Parquet as numbers or text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    column = number_or_text(column)
    if as_text and _is_number(column.type):
        column = column.cast(pa.string())
    if column.type == pa.string():
        missing = pc.is_in(column, value_set=pa.array(MISSING))
        column = pc.if_else(missing, pa.scalar(None, pa.string()), column)
    every = column.combine_chunks().dictionary_encode()
    return every.indices.fill_null(-1).to_numpy(), every.dictionary


def number_or_text(column: Column) -> Column:
    """Return a column of Parquet as float64 if it has numbers that those can hold, else as text.

    Raises:
        pyarrow.ArrowException: It is a list or an object, which is neither.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_boolean(column.type):
        # As Python writes them, and so CSV files.
        return pc.if_else(column, "True", "False")
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        with suppress(pa.ArrowInvalid):  # an integer that float64 cannot hold
            return column.cast(pa.float64())
    return column.cast(pa.string())


def _refuse_repeated(path: str, names: list[str], familiar: bool) -> None:
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        shown = ", ".join(repr(name) for name in repeated[:_MOST_NAMED])
        which = f"named {shown}" if familiar else "of one name"
        raise DataInvalid(f"{path} has more than one column {which}: rename or remove all but one", "dataPath")


def _refuse_second_header(path: str, source: Source) -> None:
    """Refuse files that were put together with their headers: one such line makes text of every column."""
    header = b""
    with source.open() as file:
        for number, line in enumerate(file, start=1):
            if not header:
                header = line.strip(b"\r\n")
                # A header of several lines is not looked for.
                if header.count(b'"') % 2:
                    return
            elif header in line and line.removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n") == header:
                raise DataInvalid(
                    f"Line {number} of {path} is the header line again, as in files that were put together: remove "
                    "that line",
                    "dataPath",
                )


def _why_not_csv(source: Source, error: Exception) -> str:
    """Return what is wrong with a file, by line: Arrow's own message shows the row."""
    # Until its reader is gone, Arrow reads ahead in the same file.
    traceback.clear_frames(error.__traceback__)
    room = f"a row must fit in {_BLOCK >> 20} MiB"
    header, line = 0, 0
    try:
        for cells, _, line in source.rows():
            header = header or len(cells)
            if cells and len(cells) != header:
                return f"line {line} has {len(cells)} cells, the header {header}"
    except csv.Error:
        return (
            f"in line {line + 1} begins a row with a cell of more than {csv.field_size_limit()} characters, and {room}"
            ". Is there a quotation mark without a second one?"
        )
    return described(error) if source.size <= _BLOCK else f"{described(error)}; {room}"


def _column(codes: Codes, values: Values, as_text: bool = False, is_code: bool = False) -> pd.Series:
    """Return a column of text as numbers if all its values are some, else as it is."""
    typed = values if as_text else _typed(values)
    if _is_number(typed.type):
        numbers = _numbers(typed)
        if not is_code or not (abs(numbers) >= MAX_EXACT).any():
            return coded(codes, numbers)
    import pyarrow as pa

    texts = values.cast(pa.large_string()).to_pandas(deduplicate_objects=False)
    return coded(codes, texts.to_numpy(dtype=object))


def _typed(texts: Values) -> Values:
    """Return texts as Arrow reads them when they are the cells of a CSV file."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv as arrow

    if not len(texts) or texts.type not in (pa.string(), pa.large_string()):
        return texts
    begin, end, between = (pa.scalar(text, pa.large_string()) for text in ('"', '"\n', ""))
    quoted = pc.replace_substring(texts.cast(pa.large_string()), '"', '""')
    # The stubs know it of scalars only.
    join = cast("Callable[..., Values]", pc.binary_join_element_wise)
    content = cast("pa.Buffer", join(begin, quoted, end, between).buffers()[2])
    table = arrow.read_csv(
        cast("IO[bytes]", pa.BufferReader(content)),
        # One block, so that the type comes from all of them.
        read_options=arrow.ReadOptions(block_size=content.size + 1, column_names=["cell"]),
        parse_options=arrow.ParseOptions(newlines_in_values=True),
        convert_options=_conversion(),
    )
    return table.column("cell").combine_chunks()


def _is_number(type: pa.DataType) -> bool:
    import pyarrow as pa

    return pa.types.is_integer(type) or pa.types.is_floating(type)


def _numbers(column: Values) -> Floats:
    import pyarrow as pa

    numbers = column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False)
    return np.where(np.isfinite(numbers), numbers, np.nan)
