"""The prediction API over HTTP."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np
from fastapi import Depends, FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse, Response

from ..errors import StepError, as_step_error, log_to_stderr
from ..libraries import SKLEARN, import_ahead
from .answers import LOGGED, encode_answers, logged_of, target_of, thresholds_of
from .arrow import ARROW, IS_READ, read_stream
from .batching import Asked, Batcher
from .body import read_body
from .coded import same
from .guard import Guard
from .model import MissingPackage, ServedModel, load_served_model
from .prediction_log import PredictionLog
from .records import BadRequest, parse_records
from .settings import Settings

if TYPE_CHECKING:
    from ..shapes import Columns, Predicted, Value
    from .answers import Answer

_log = logging.getLogger("mediwatch_training.serving")

# A model that cannot be loaded now may be promoted, or its server started, at any time.
_FIRST_WAIT, _WAIT_FACTOR, _LONGEST_WAIT = 0.2, 1.2, 3.0
# A model that takes longer is waited for with an open port, which says so.
_FIRST_SECONDS = 5.0
_DRAIN_SECONDS = 20
# Characters of a UUID, and where its digits are among them.
_ID = 36
_DIGITS = [place for place in range(_ID) if place not in (8, 13, 18, 23)]
_NO_MODEL = "There is no model yet: try again in a few seconds; the log of the API says why"


class Service:
    """Holds the model, and loads it in the background until it is there."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.model: ServedModel | None = None
        self._batcher = Batcher(self._answer)
        self.reason = "the model is being loaded"
        #: Trying again does not help.
        self.is_final = False
        self._log: PredictionLog | None = None
        self._stop = threading.Event()
        self._tried = threading.Event()

    def start(self) -> None:
        """Start loading."""
        threading.Thread(target=self._load, daemon=True).start()

    def wait(self) -> None:
        """Wait for the end of the first attempt, but not for long."""
        self._tried.wait(_FIRST_SECONDS)

    def stop(self) -> None:
        """Stop trying to load."""
        self._stop.set()

    def serve(self, model: ServedModel) -> None:
        """Answer with a model from now on."""
        names = [feature["name"] for feature in model.features]
        self._log = PredictionLog(self.settings.log_directory, names, self.settings.log_bytes, LOGGED[model.task])
        self.model = model

    async def predict(self, asked: Asked) -> bytes:
        """Answer a prediction request.

        Raises:
            BadRequest: The request or its records are malformed, or there is no model yet (503).
        """
        if self.model is None:
            raise BadRequest(503, _NO_MODEL)
        return await self._batcher.answer(asked)

    def _answer(self, requests: list[Asked]) -> list[bytes | Exception]:
        """Return the answers to requests: of one call of the model, if there is nothing to say of any one."""
        together = len(requests) > 1 and not any(one.verify or one.in_columns or one.as_columns for one in requests)
        answers = self._answer_together(requests) if together else None
        return answers or [self._answer_one(asked) for asked in requests]

    def _answer_together(self, requests: list[Asked]) -> list[bytes | Exception] | None:
        try:
            bodies = [parse_records(asked.body) for asked in requests]
            columns, warnings = self._model().reader.read([record for records in bodies for record in records])
            return None if warnings else [*self._predicted(requests, list(map(len, bodies)), columns, [])]
        except Exception:  # Whose request it is, and what there is to say, is found out one by one.
            return None

    def _answer_one(self, asked: Asked) -> bytes | Exception:
        reader = self._model().reader
        try:
            if asked.in_columns:
                columns, warnings = reader.read_columns(read_stream(asked.body, reader.names))
            else:
                columns, warnings = reader.read(parse_records(asked.body))
            return self._predicted([asked], [len(next(iter(columns.values())))], columns, warnings)[0]
        except StepError as error:
            return BadRequest(422, f"The model does not take these records: {error.message}")
        except Exception as error:  # whatever a model raises
            return error

    def _predicted(self, requests: list[Asked], sizes: list[int], columns: Columns, warnings: list[str]) -> list[bytes]:
        """Return the answer to each request, of so many of the records whose columns these are."""
        model = self._model()
        predicted = model.predictions(columns)
        if not requests[0].verify:
            warnings += self._write_log(model, columns, predicted)
        about: Answer = {"model_version": model.version, **thresholds_of(model)}
        about |= {"warnings": warnings} if warnings else {}
        ends = list(accumulate(sizes))
        return [
            encode_answers(model, predicted[end - size : end], about, asked.as_columns)
            for asked, size, end in zip(requests, sizes, ends, strict=True)
        ]

    def _model(self) -> ServedModel:
        assert self.model is not None
        return self.model

    def _load(self) -> None:
        # The model of another trainer may do without.
        with suppress(ImportError):
            import_ahead("pandas", *SKLEARN)
        wait = _FIRST_WAIT
        while not self._stop.is_set():
            try:
                model = load_served_model(self.settings)
                # Better now than in a client's request.
                model.warm_up()
            except Exception as error:
                reason = as_step_error(error).message
                if reason != self.reason:
                    _log.warning("No model yet: %s", reason)
                self.reason, self.is_final = reason, isinstance(error, MissingPackage)
                self._tried.set()
                self._stop.wait(wait)
                wait = min(wait * _WAIT_FACTOR, _LONGEST_WAIT)
                continue
            self.serve(model)
            self._tried.set()
            _log.info("Serving version %s", model.version)
            # Clients need not wait for this.
            self.model = model.in_less_time()
            if self.model.warning is not None:
                _log.warning("%s", self.model.warning)
            return

    def _write_log(self, model: ServedModel, columns: Columns, predicted: Predicted) -> list[str]:
        # A file has no registered model.
        name = self.settings.model_name if self.settings.source == "mlflow" else None
        fixed = (f"{time.time():.3f}", name, model.version, thresholds_of(model).get("threshold"))
        rows = len(predicted)
        about = [_new_ids(rows), *(same(value, rows) for value in fixed)]
        try:
            assert self._log is not None
            self._log.append_columns([*about, *columns.values(), *logged_of(model, predicted)])
        except OSError as error:
            _log.warning("The prediction log was not written: %s", error)
            return [f"the prediction log was not written: {error.strerror}"]
        return []


def _new_ids(count: int) -> list[Value]:
    """Return random UUIDs (version 4); `uuid.uuid4` takes twenty times as long."""
    numbers = np.frombuffer(bytearray(os.urandom(16 * count)), dtype=np.uint8).reshape(count, 16)
    numbers[:, 6] = numbers[:, 6] & 0x0F | 0x40
    numbers[:, 8] = numbers[:, 8] & 0x3F | 0x80
    written = np.full((count, _ID), ord("-"), dtype=np.uint8)
    written[:, _DIGITS] = np.frombuffer(numbers.tobytes().hex().encode(), dtype=np.uint8).reshape(count, 32)
    text = written.tobytes().decode()
    return [text[start : start + _ID] for start in range(0, len(text), _ID)]


def create_app(settings: Settings) -> FastAPI:
    """Return the application; it starts to load its model when it starts."""
    service, guard = Service(settings), Guard(settings.allowed, settings.check_secret)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        service.start()
        # Answering that there is no model yet would only take time from its loading.
        await run_in_threadpool(service.wait)
        yield
        service.stop()

    async def from_whom(request: Request) -> None:
        guard.check(request.headers)

    app = FastAPI(title="MediWatch", lifespan=lifespan, dependencies=[Depends(from_whom)])
    if guard.origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=guard.origins, allow_methods=["GET", "POST"], allow_headers=["content-type"]
        )

    @app.exception_handler(BadRequest)
    async def bad_request(request: Request, error: BadRequest) -> JSONResponse:
        return JSONResponse({"error": error.message}, status_code=error.status)

    @app.head("/health", include_in_schema=False)
    @app.get("/health")
    async def health(request: Request) -> JSONResponse:
        return _health(service, guard.is_deployment_check(request.headers))

    @app.head("/schema", include_in_schema=False)
    @app.get("/schema")
    async def schema() -> JSONResponse:
        if service.model is None:
            raise BadRequest(503, _NO_MODEL)
        return JSONResponse(_schema(service.model))

    @app.post("/predict")
    async def predict(request: Request) -> Response:
        kind = guard.content_type(request.headers)
        body = await read_body(request)
        as_columns = IS_READ and ARROW in request.headers.get("accept", "")
        asked = Asked(body, guard.is_deployment_check(request.headers), kind == ARROW, as_columns)
        return Response(await service.predict(asked), media_type=ARROW if as_columns else "application/json")

    return app


def _health(service: Service, may_know: bool) -> JSONResponse:
    settings, model = service.settings, service.model
    facts = {"model_name": settings.model_name, "model_source": settings.source}
    if model is None:
        # It names hosts and paths, which are not for everybody.
        why = {"reason": service.reason, "final": service.is_final} if may_know else {}
        return JSONResponse({"status": "unavailable", **why, **facts}, status_code=503)
    return JSONResponse(
        {
            "status": "ok",
            **facts,
            "model_version": model.version,
            "model_stage": model.stage,
            "run_id": model.run_id,
            **target_of(model),
            "compiled": model.compiled is not None,
            **({"warning": model.warning} if model.warning else {}),
            "loaded_at": model.loaded_at,
        }
    )


def _schema(model: ServedModel) -> dict[str, object]:
    return {
        "features": model.features,
        "example": {"records": [model.example]} if model.example else None,
        "model_version": model.version,
        **thresholds_of(model),
        **target_of(model),
    }


def main() -> int:
    """Serve until SIGTERM or SIGINT, then finish the requests under way; return the exit code."""
    import uvicorn

    log_to_stderr()
    try:
        settings = Settings.from_environment(os.environ)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        # Its own lines go through our handler, which leaves out of tracebacks what may be a record.
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_DRAIN_SECONDS,
    )
    # uvicorn drains on these signals and then raises them again, for whoever listened before it: here nobody.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    server = uvicorn.Server(config)
    server.run()
    return 0 if server.started else 1
