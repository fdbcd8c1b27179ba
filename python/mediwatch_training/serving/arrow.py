"""Batches of columns as Arrow IPC streams, which anybody may have made."""

from __future__ import annotations

import struct
from importlib.util import find_spec
from typing import TYPE_CHECKING, cast

import numpy as np

from .coded import Coded, same
from .records import MAX_BODY_BYTES, MAX_OTHER_FIELDS, MAX_RECORDS, BadRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    import pyarrow as pa

    from ..shapes import Ints, Value

#: Their media type, and whether they are read here: what serves in a container does without pyarrow.
ARROW = "application/vnd.apache.arrow.stream"
IS_READ = find_spec("pyarrow") is not None
# Of the bytes of a flatbuffer: where something is, and how long a list is.
_OFFSET, _LENGTH = struct.Struct("<i"), struct.Struct("<H")


def read_stream(body: bytes, features: Collection[str]) -> dict[str, Coded]:
    """Return the columns of a stream; of those that are no features, the names alone.

    Args:
        body: An IPC stream that nothing is known of.
        features: Names of the columns that are read.

    Raises:
        BadRequest: 400 for what is no such stream, 413 for too much of it, 415 for a form that is not read, 422
            for columns of other types.
    """
    try:
        return _columns(body, features)
    except BadRequest:
        raise
    except Exception as error:  # whatever Arrow raises of bytes that somebody made up
        raise BadRequest(400, f"The body is not a valid Arrow IPC stream: {str(error)[:200]}") from error


def _columns(body: bytes, features: Collection[str]) -> dict[str, Coded]:
    import pyarrow as pa

    if any(_may_grow(message) for message in pa.ipc.MessageReader.open_stream(body)):
        raise BadRequest(415, "Arrow buffers that are compressed, and deltas of dictionaries, are not read")
    with pa.ipc.open_stream(body) as stream:
        names = stream.schema.names
        if len(set(names)) < len(names):
            raise BadRequest(422, "Two columns have the same name")
        if len(names) > len(features) + MAX_OTHER_FIELDS:
            raise BadRequest(422, f"There are {len(names)} columns, the model reads {len(features)}")
        read = [name for name in names if name in features]
        for name in read:
            _check_type(name, stream.schema.field(name).type)
        batches: list[pa.RecordBatch] = []
        rows = 0
        for batch in stream:
            rows += batch.num_rows
            if rows > MAX_RECORDS:
                raise BadRequest(413, f"{rows} records are too many: send at most {MAX_RECORDS} at a time")
            batches.append(batch.select(read))
            batches[-1].validate(full=True)
    if rows == 0 or not names:
        raise BadRequest(422, "The Arrow stream must have at least one record and one column")
    columns = {name: same(None, rows) for name in names}
    room = MAX_BODY_BYTES
    for name in read:
        values: list[Value] = []
        codes: list[Ints] = []
        for batch in batches:
            part, size = _by_value(batch.column(name))
            # A dictionary may hold one long text that all records share, and buffers may lie over one another.
            room -= size
            if room < 0:
                raise BadRequest(413, f"The records hold more than {MAX_BODY_BYTES // 2**20} MiB of text: send fewer")
            codes.append(part.codes + len(values))
            values += part.values
        columns[name] = Coded(values, np.concatenate(codes))
    return columns


def _check_type(name: str, kind: pa.DataType) -> None:
    from pyarrow import types

    one = kind.value_type if types.is_dictionary(kind) else kind
    is_text = types.is_string(one) or types.is_large_string(one)
    is_number = types.is_integer(one) or types.is_float32(one) or types.is_float64(one)
    if not (is_text or is_number or types.is_boolean(one) or types.is_null(one)):
        raise BadRequest(422, f"The column {name} must be of text, numbers or truth values, not {str(kind)[:80]}")


def _by_value(column: pa.Array[pa.Scalar[pa.DataType]]) -> tuple[Coded, int]:
    """Return a column, and how many bytes of text its rows hold."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(column, pa.DictionaryArray):
        # What no row holds is not looked at.
        encoded = column.indices.dictionary_encode()
        values = column.dictionary.take(encoded.dictionary)
    else:
        encoded = column.dictionary_encode()
        values = encoded.dictionary
    indices, missing = encoded.indices, encoded.indices.null_count > 0
    codes = (indices.fill_null(len(values)) if missing else indices).to_numpy().astype(np.intp)
    size = 0
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        lengths = pc.binary_length(cast("pa.StringArray", values)).fill_null(0).to_numpy()
        size = int(np.dot(np.bincount(codes, minlength=len(values))[: len(values)], lengths))
    if size > MAX_BODY_BYTES:
        return Coded([], codes), size
    return Coded([*cast("list[Value]", values.to_pylist()), *[None] * missing], codes), size


def _may_grow(message: pa.Message) -> bool:
    """Whether what a message stands for may be larger than itself, as the fields of Arrow's Message.fbs say."""
    if message.type not in ("dictionary", "record batch"):
        return False
    data = memoryview(message.metadata)
    header = _at(data, _field(data, _at(data, 0), 2))
    if message.type == "dictionary":
        is_delta = _field(data, header, 2)
        if is_delta and data[is_delta]:
            return True
        header = _at(data, _field(data, header, 1))
    return _field(data, header, 3) > 0


def _at(data: memoryview, place: int) -> int:
    """Return where what a place of a flatbuffer refers to begins."""
    return place + _OFFSET.unpack_from(data, place)[0]


def _field(data: memoryview, table: int, number: int) -> int:
    """Return where a field of a table of a flatbuffer is; 0 if it is not there."""
    entries = table - _OFFSET.unpack_from(data, table)[0]
    entry = 4 + 2 * number
    if entry >= _LENGTH.unpack_from(data, entries)[0]:
        return 0
    found = _LENGTH.unpack_from(data, entries + entry)[0]
    return table + found if found else 0


def write_stream(answers: Mapping[str, Sequence[object]] | list[dict[str, object]], about: bytes) -> bytes:
    """Return answers, as columns or one by one, as a stream.

    Args:
        answers: Of the records.
        about: JSON that holds for all; it is in the metadata of the schema, under ``mediwatch``.

    Raises:
        BadRequest: 406 for answers that no column holds.
    """
    import pyarrow as pa

    try:
        batch = pa.RecordBatch.from_pylist(answers) if isinstance(answers, list) else pa.record_batch(dict(answers))
    except pa.ArrowException as error:
        raise BadRequest(406, "What this model returns fits into no column: ask for JSON") from error
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema.with_metadata({"mediwatch": about})) as stream:
        stream.write_batch(batch)
    return sink.getvalue().to_pybytes()
