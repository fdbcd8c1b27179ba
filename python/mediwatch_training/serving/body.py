"""The body of a request, within limits, as its sender wrote it."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from fastapi.concurrency import run_in_threadpool

from .records import MAX_BODY_BYTES, BadRequest

if TYPE_CHECKING:
    from fastapi import Request

_GZIP = zlib.MAX_WBITS | 16


async def read_body(request: Request) -> bytes:
    """Return the body, decompressed if it says that it is gzip.

    Raises:
        BadRequest: 413 for too much of it, 415 for another encoding, 400 for what is not gzip.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        return bytes(body)
    if encoding not in ("gzip", "x-gzip"):
        raise BadRequest(415, "The body has an encoding that is not read: send it as it is, or as gzip")
    return await run_in_threadpool(_decompressed, bytes(body))


def _decompressed(body: bytes) -> bytes:
    reader = zlib.decompressobj(_GZIP)
    try:
        content = reader.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise BadRequest(400, "The body is not gzip, although its header Content-Encoding says so") from error
    if len(content) > MAX_BODY_BYTES:
        raise _too_large()
    if not reader.eof:
        raise BadRequest(400, "The body ends in the middle of what gzip compressed: send it again")
    return content


def _too_large() -> BadRequest:
    return BadRequest(413, f"The body is larger than {MAX_BODY_BYTES // 2**20} MiB: send fewer records")
