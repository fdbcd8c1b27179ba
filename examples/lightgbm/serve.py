"""Serves the version of a registered model that the environment names, with nothing but the standard library around it."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pandas as pd

NAME, VERSION = os.environ["MLFLOW_MODEL_NAME"], os.environ["MLFLOW_MODEL_VERSION"]
MODEL = mlflow.lightgbm.load_model(f"models:/{NAME}/{VERSION}")
EXAMPLE = {name: 1.0 for name in MODEL.feature_name()}


class Api(BaseHTTPRequestHandler):
    """GET /health, GET /schema, POST /predict."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Answer what is served, and which features it takes."""
        if self.path == "/health":
            self.answer({"status": "ok", "model_name": NAME, "model_version": VERSION})
        elif self.path == "/schema":
            self.answer({"features": MODEL.feature_name(), "example": {"records": [EXAMPLE]}})
        else:
            self.answer({"detail": "Not Found"}, 404)

    def do_POST(self):
        """Predict the records of the body."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        frame = pd.DataFrame(body["records"])[MODEL.feature_name()].astype(float)
        predictions = [{"prob": float(p), "pred": int(p >= 0.5)} for p in MODEL.predict(frame)]
        self.answer({"predictions": predictions, "model_version": VERSION, "threshold": 0.5})

    def answer(self, content, status=200):
        """Send JSON."""
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Keep quiet."""


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Api).serve_forever()
