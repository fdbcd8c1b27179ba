"""Loads registered models over MLflow's REST interface.

Importing MLflow takes two seconds, which is most of an API's start; a scikit-learn model behind MLflow's artifact
proxy needs three requests instead. Anything else is left to MLflow itself.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import pickle
import shutil
import ssl
import tempfile
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from ..checks import is_list, is_object
from ..errors import MlflowRefused, MlflowUnavailable, ModelLoadFailed
from ..tracking import insecure, prepare_connection, refusal

if TYPE_CHECKING:
    from http.client import HTTPMessage
    from typing import IO

    from mlflow import MlflowClient

    from ..contract import EvaluateInputModelRecorded as Recorded

_PROXIED = "mlflow-artifacts:/"


class Version(TypedDict):
    """A version of a registered model; no run is known of some, and of some not what was registered."""

    version: str
    run_id: str | None
    recorded: Recorded | None


class RegistryClient:
    """Reads versions and their files from one MLflow server.

    Args:
        uri: The server, such as ``http://127.0.0.1:5000``, with user and password where it asks for them; other kinds
            of store work through MLflow's own client.
    """

    def __init__(self, uri: str) -> None:
        self._uri = prepare_connection(uri).rstrip("/")
        self._is_http = uri.startswith(("http://", "https://"))
        self._authorization = _authorization() if self._is_http else {}
        self._timeout = float(os.environ.get("MLFLOW_HTTP_REQUEST_TIMEOUT") or 30)
        self._opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=_tls()), _Redirects())

    def version(self, name: str, version: str) -> Version:
        """Return one version of a model.

        Raises:
            ModelLoadFailed: There is no such version.
        """
        if not self._is_http:
            return _version(dict(self._mlflow().get_model_version(name, version)))
        found = self._get("/api/2.0/mlflow/model-versions/get", {"name": name, "version": version})
        if found is None:
            raise ModelLoadFailed(f"{name} has no version {version} at {self._uri}: correct MLFLOW_MODEL_VERSION")
        return _version(found["model_version"])

    def latest(self, name: str, stage: str) -> Version:
        """Return the newest version in a stage.

        Raises:
            ModelLoadFailed: No version is in that stage.
        """
        if self._is_http:
            found = self._get("/api/2.0/mlflow/registered-models/get-latest-versions", {"name": name, "stages": stage})
            versions = None if found is None else found.get("model_versions")
        else:
            versions = [dict(v) for v in self._mlflow().get_latest_versions(name, [stage])]
        if not is_list(versions) or not versions:
            raise ModelLoadFailed(
                f"{name} has no version in {stage} at {self._uri}: promote one, or set MLFLOW_MODEL_STAGE or "
                "MLFLOW_MODEL_VERSION"
            )
        return _version(versions[0])

    def load(self, name: str, version: Version) -> object:
        """Return the model of a version.

        Raises:
            ModelChanged: A file is not what was registered.
        """
        root = self._proxied(name, version)
        if root is not None:
            model = self._load_proxied(root, f"{name} {version['version']}", version["recorded"])
            if model is not None:
                return model
        import yaml

        from ..models import loader_of
        from .foreign import adapt

        folder = self._fetch(name, version)
        model = loader_of(str(folder))()
        description = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
        return adapt(model, description, lambda path: _content_of(folder / path))

    def file(self, name: str, version: Version, path: str) -> bytes | None:
        """Return a file of a version, or None.

        Raises:
            ModelChanged: It is not what was registered.
        """
        root = self._proxied(name, version)
        if root is None:
            return _content_of(self._fetch(name, version) / path)
        return self._file(root, f"{name} {version['version']}", path, version["recorded"])

    def _fetch(self, name: str, version: Version) -> Path:
        from ..loading.files import fetch_model

        # Some models read their files later on.
        folder = tempfile.mkdtemp(prefix="mediwatch-model-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return fetch_model(f"models:/{name}/{version['version']}", self._uri, folder, version["recorded"])

    def _proxied(self, name: str, version: Version) -> str | None:
        """Return where the files of a version lie behind MLflow's artifact proxy; None if they do not."""
        if not self._is_http:
            return None
        query = {"name": name, "version": version["version"]}
        location = (self._get("/api/2.0/mlflow/model-versions/get-download-uri", query) or {}).get("artifact_uri")
        if not isinstance(location, str) or not location.startswith(_PROXIED):
            return None
        return urllib.parse.urlparse(location).path.strip("/")

    def _file(self, root: str, name: str, path: str, recorded: Recorded | None) -> bytes | None:
        from ..loading.files import check_file

        content = self._download(f"{root}/{path}")
        if content is not None:
            check_file(name, path, content, recorded)
        return content

    def _load_proxied(self, root: str, name: str, recorded: Recorded | None) -> object:
        """Return a pickled scikit-learn model, or None if the files are something else."""
        import yaml

        from ..models import pickled_file
        from .foreign import adapt

        if recorded is not None and recorded["files"] is None:
            return None
        text = self._file(root, name, "MLmodel", recorded)
        if text is None:
            raise ModelLoadFailed(f"The model's files are not at {root} any more")
        description = yaml.safe_load(text)
        file = pickled_file(description.get("flavors", {}).get("sklearn"))
        if file is None:
            return None
        content = self._file(root, name, file, recorded)
        if content is None:
            raise ModelLoadFailed(f"{file} is missing at {root}")
        return adapt(pickle.loads(content), description, lambda path: self._file(root, name, path, recorded))

    def _download(self, path: str) -> bytes | None:
        return self._request(f"/api/2.0/mlflow-artifacts/artifacts/{urllib.parse.quote(path)}")

    def _get(self, path: str, query: dict[str, str]) -> dict[str, object] | None:
        content = self._request(f"{path}?{urllib.parse.urlencode(query)}")
        if content is None:
            return None
        try:
            answer: object = json.loads(content)
        except ValueError:
            answer = None
        if not is_object(answer):
            raise MlflowRefused(f"{self._uri} did not answer like MLflow: is MLFLOW_TRACKING_URI right?")
        return answer

    def _request(self, path: str) -> bytes | None:
        """Return the body, or None for 404."""
        request = urllib.request.Request(self._uri + path, headers=self._authorization)
        try:
            with self._opener.open(request, timeout=self._timeout) as response:
                return response.read()
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            advice = {401: ": set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD", 403: ": access denied"}
            # MLflow's host check is no matter of logins.
            is_host_check = b"Invalid Host header" in error.read(1000)
            hint = ": Invalid Host header" if is_host_check else advice.get(error.code, "")
            raise refusal(error.code, f"MLflow at {self._uri} answered {error.code}{hint}") from error
        except OSError as error:
            found = insecure(self._uri, error)
            if found is not None:
                raise found from error
            reason = getattr(error, "reason", error)
            raise MlflowUnavailable(
                f"MLflow at {self._uri} cannot be reached ({reason}): start it, or correct MLFLOW_TRACKING_URI"
            ) from error

    def _mlflow(self) -> MlflowClient:
        from ..tracking import connect

        return connect(self._uri)


def _content_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _version(found: object) -> Version:
    """Return what the API needs of MLflow's description of a version."""
    values = found if is_object(found) else {}
    run_id = values.get("run_id")
    return {
        "version": str(values.get("version")),
        "run_id": None if run_id is None else str(run_id),
        "recorded": _recorded(values.get("tags")),
    }


def _recorded(tags: object) -> Recorded | None:
    """Return what the tags of a version say of its files: a list over REST, a dictionary from MLflow's own client."""
    found = dict(tags) if is_object(tags) else {}
    for tag in tags if is_list(tags) else []:
        if is_object(tag):
            found[str(tag.get("key"))] = tag.get("value")
    digest, files = found.get("mediwatch.digest"), found.get("mediwatch.files")
    return {"digest": digest, "files": files if isinstance(files, str) else None} if isinstance(digest, str) else None


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, to another origin without the credentials: they are MLflow's alone."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> urllib.request.Request | None:
        """Return the request that follows."""
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and _origin(request.full_url) != _origin(req.full_url):
            request.remove_header("Authorization")
        return request


def _origin(url: str) -> tuple[str, str]:
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.netloc


def _authorization() -> dict[str, str]:
    names = ("MLFLOW_TRACKING_TOKEN", "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")
    token, user, password = map(os.environ.get, names)
    if user and password:
        pair = f"{user}:{password}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}
    return {"Authorization": f"Bearer {token}"} if token else {}


def _tls() -> ssl.SSLContext:
    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return ssl._create_unverified_context()  # pyright: ignore[reportPrivateUsage] - there is no other way
    named = ("MLFLOW_TRACKING_SERVER_CERT_PATH", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    authorities = next(filter(None, map(os.environ.get, named)), None)
    context = ssl.create_default_context(cafile=authorities)
    certificate = os.environ.get("MLFLOW_TRACKING_CLIENT_CERT_PATH")
    if certificate:
        context.load_cert_chain(certificate)
    return context
