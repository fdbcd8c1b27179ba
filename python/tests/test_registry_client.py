"""MLflow behind a password, a redirect or a certificate of one's own."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mediwatch_training.errors import MlflowUnavailable, MlflowUntrusted, StepError
from mediwatch_training.serving.registry import RegistryClient
from mediwatch_training.tracking import tracking_errors

VERSION = {"model_versions": [{"version": "3", "run_id": "r"}]}
PASSWORD = "p%40ss%2Fword"


@contextmanager
def server(redirect: str | None = None, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, list[str | None]]]:
    """Answer like MLflow, or redirect; give the address and the credentials of each request."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.headers["Authorization"])
            self.send_response(302 if redirect else 200)
            if redirect:
                self.send_header("Location", redirect + self.path)
            self.end_headers()
            self.wfile.write(b"" if redirect else json.dumps(VERSION).encode())

        def log_message(self, *_: object) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        running.socket = tls.wrap_socket(running.socket, server_side=True)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    try:
        yield f"127.0.0.1:{running.server_port}", seen
    finally:
        running.shutdown()
        running.server_close()


def test_user_and_password_in_the_address_are_used_and_not_told(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "")
    with server() as (address, seen):
        client = RegistryClient(f"http://ann:{PASSWORD}@{address}")
        assert client.latest("M", "Production") == {"version": "3", "run_id": "r", "recorded": None}
    assert seen == ["Basic " + base64.b64encode(b"ann:p@ss/word").decode()]
    with pytest.raises(MlflowUnavailable) as away:
        client.latest("M", "Production")
    assert address in str(away.value) and PASSWORD not in str(away.value)
    with pytest.raises(StepError) as told, tracking_errors(f"http://ann:{PASSWORD}@{address}"):
        raise ConnectionError(f"no answer of http://ann:{PASSWORD}@{address}/api")
    assert PASSWORD not in told.value.to_json()["message"]


def test_a_redirect_to_another_origin_gets_no_credentials(monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
    with server() as (other, others), server(redirect=f"http://{other}") as (first, firsts):
        assert RegistryClient(f"http://{first}").latest("M", "Production")["version"] == "3"
    assert (firsts, others) == (["Bearer secret"], [None])


def test_a_certificate_is_accepted_of_the_authorities_that_are_named(monkeypatch, tmp_path: Path):
    key, certificate = tmp_path / "key.pem", tmp_path / "ca.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=127.0.0.1", "-days", "2"]
    make += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(make, check=True, capture_output=True)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    with server(tls=tls) as (address, _):
        with pytest.raises(MlflowUntrusted, match="CERTIFICATE_VERIFY_FAILED"):
            RegistryClient(f"https://{address}").latest("M", "Production")
        monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", str(certificate))
        assert RegistryClient(f"https://{address}").latest("M", "Production")["version"] == "3"
