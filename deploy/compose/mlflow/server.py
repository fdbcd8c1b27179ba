"""Starts MLflow on PostgreSQL, with the password of the data base from a secret file.

``server.py`` serves; ``server.py upgrade`` brings the tables to this version of MLflow, which a server that finds older
ones asks for. The address of the data base goes through the environment, because arguments are seen by everyone.
"""

import os
import sys
from pathlib import Path
from urllib.parse import quote

ARTIFACTS = "/var/lib/mlflow/artifacts"
MLFLOW = "/opt/venv/bin/mlflow"


def backend_store_uri(environment: "os._Environ[str]") -> str:
    """Return the address of the data base; an error names the secret that cannot be read."""
    path = environment["MLFLOW_DB_PASSWORD_FILE"]
    try:
        password = Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"The secret {path} cannot be read ({error.strerror}): run deploy/compose/secrets.sh and start again.")
    host = environment["MLFLOW_DB_HOST"]
    return f"postgresql+psycopg2://mlflow:{quote(password, safe='')}@{host}:5432/mlflow"


def main() -> None:
    """Serve, or upgrade the tables."""
    uri = backend_store_uri(os.environ)
    if sys.argv[1:] == ["upgrade"]:
        from mlflow.store.db.utils import _upgrade_db, create_sqlalchemy_engine

        _upgrade_db(create_sqlalchemy_engine(uri))
        return
    os.environ["MLFLOW_BACKEND_STORE_URI"] = uri
    # Artifacts hold records of patients.
    os.umask(0o077)
    options = ["--serve-artifacts", "--artifacts-destination", ARTIFACTS, "--host", "0.0.0.0", "--port", "5000"]
    # Without a line for each request, of which there are hundreds in a search.
    options += ["--workers", "2", "--uvicorn-opts", "--log-level warning"]
    os.execv(MLFLOW, [MLFLOW, "server", *options])


if __name__ == "__main__":
    main()
