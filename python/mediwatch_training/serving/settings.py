"""Settings of the API, all from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How the API is run.

    Attributes:
        host: Address to listen on (``HOST``).
        port: Port to listen on (``PORT``).
        source: "mlflow" loads from a registry, "local" from a file (``MODEL_SOURCE``).
        tracking_uri: MLflow server (``MLFLOW_TRACKING_URI``).
        model_name: Registered model (``MLFLOW_MODEL_NAME``).
        model_stage: Stage whose newest version serves (``MLFLOW_MODEL_STAGE``).
        pinned_version: Version to serve whatever its stage (``MLFLOW_MODEL_VERSION``).
        model_path: The file of a local model (``MODEL_PATH``).
        local_version: What to call a local model's version (``MODEL_VERSION``).
        log_directory: Where the prediction log goes (``PRED_LOG_DIR``).
        log_bytes: How large all its files may be (``PRED_LOG_MAX_MB``, in MiB).
        allowed: Host names under which clients call, beside localhost and addresses, and origins of pages that may
            call, separated by commas (``API_ALLOWED_HOSTS``). By default any name where others than this host reach
            the API; ``*`` stands for any too.
        check_secret: Whoever knows it learns why there is no model, and its predictions are not logged
            (``API_CHECK_SECRET``).
    """

    host: str
    port: int
    source: str
    tracking_uri: str
    model_name: str
    model_stage: str
    pinned_version: str | None
    model_path: str
    local_version: str
    log_directory: str
    log_bytes: int
    allowed: frozenset[str]
    check_secret: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings.

        Raises:
            ValueError: ``PORT``, ``MODEL_SOURCE`` or ``PRED_LOG_MAX_MB`` is not acceptable.
        """
        source = environment.get("MODEL_SOURCE") or "mlflow"
        if source not in ("mlflow", "local"):
            raise ValueError(f"MODEL_SOURCE must be mlflow or local, not {source!r}")
        port = environment.get("PORT") or "8000"
        if not port.isdigit() or not 0 < int(port) < 65536:
            raise ValueError(f"PORT must be a number from 1 to 65535, not {port!r}")
        log_mb = environment.get("PRED_LOG_MAX_MB") or "1024"
        if not log_mb.isdigit() or int(log_mb) < 1:
            raise ValueError(f"PRED_LOG_MAX_MB must be a number of MiB from 1 on, not {log_mb!r}")
        host = environment.get("HOST") or "127.0.0.1"
        allowed = environment.get("API_ALLOWED_HOSTS") or ("localhost" if _is_loopback(host) else "*")
        return cls(
            host=host,
            port=int(port),
            source=source,
            tracking_uri=environment.get("MLFLOW_TRACKING_URI") or "http://127.0.0.1:5000",
            model_name=environment.get("MLFLOW_MODEL_NAME") or "MediWatchReadmit",
            model_stage=environment.get("MLFLOW_MODEL_STAGE") or "Production",
            pinned_version=environment.get("MLFLOW_MODEL_VERSION") or None,
            model_path=environment.get("MODEL_PATH") or "artifacts/model_pipeline.joblib",
            local_version=environment.get("MODEL_VERSION") or "local",
            log_directory=environment.get("PRED_LOG_DIR") or "logs",
            log_bytes=int(log_mb) * 2**20,
            allowed=frozenset(entry.strip().lower() for entry in allowed.split(",") if entry.strip()),
            check_secret=environment.get("API_CHECK_SECRET") or "",
        )


def _is_loopback(host: str) -> bool:
    return host == "localhost" or host == "::1" or host.startswith("127.")
