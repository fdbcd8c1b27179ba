"""Starts the MLflow server in this very process.

``mlflow server`` does the same, but imports MLflow twice, first in the command and then in the server that the command
starts, which takes as long again. The variables are those that the command hands over.
"""

import argparse
import gc
import importlib
import os
import sqlite3
from contextlib import closing

import uvicorn

LOOPBACK = "127.0.0.1"
SQLITE = "sqlite:///"
# Seconds that open requests may take when the server is asked to stop.
STOP_SECONDS = 2


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backend-store-uri", required=True)
    parser.add_argument("--artifacts-destination", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    # A search for garbage among all that MLflow makes as it is imported would take a fifth of the start.
    gc.disable()
    from mlflow.server import constants

    os.environ.update(
        {
            constants.BACKEND_STORE_URI_ENV_VAR: options.backend_store_uri,
            constants.REGISTRY_STORE_URI_ENV_VAR: options.backend_store_uri,
            constants.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
            constants.ARTIFACTS_DESTINATION_ENV_VAR: options.artifacts_destination,
            constants.SERVE_ARTIFACTS_ENV_VAR: "true",
        }
    )
    initialize(options.backend_store_uri)
    importlib.import_module("mlflow.server.fastapi_app")
    gc.freeze()
    gc.enable()
    uvicorn.run(
        "mlflow.server.fastapi_app:app",
        host=LOOPBACK,
        port=options.port,
        log_level="warning",
        timeout_graceful_shutdown=STOP_SECONDS,
    )


def initialize(backend_store_uri: str) -> None:
    """Make or migrate the data base before the port opens, so that no request meets half of it."""
    from mlflow.server.handlers import initialize_backend_stores

    initialize_backend_stores(backend_store_uri, backend_store_uri, "mlflow-artifacts:/")
    if backend_store_uri.startswith(SQLITE):
        # A write-ahead log is synced once for each change, and readers do not wait for who writes: two thirds of the
        # time. The file remembers it.
        with closing(sqlite3.connect(backend_store_uri.removeprefix(SQLITE))) as database:
            database.execute("PRAGMA journal_mode = WAL")


if __name__ == "__main__":
    main()
