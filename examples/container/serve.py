"""Serves model.json of a version, fetched from MLflow, with nothing but the standard library."""

import json
import math
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlencode
from urllib.request import urlopen

NAME, VERSION = os.environ["MLFLOW_MODEL_NAME"], os.environ["MLFLOW_MODEL_VERSION"]
QUERY = urlencode({"name": NAME, "version": VERSION, "path": "model.json"})
with urlopen(f"{os.environ['MLFLOW_TRACKING_URI']}/model-versions/get-artifact?{QUERY}") as answer:
    MODEL = json.load(answer)


def predict(record):
    """Return the probability for one record, `{feature: number}`."""
    values = [float(record[name]) / 10 for name in MODEL["features"]]
    *weights, bias = MODEL["weights"]
    return 1 / (1 + math.exp(-bias - sum(weight * value for weight, value in zip(weights, values))))


class Api(BaseHTTPRequestHandler):
    """GET /health and POST /predict; it has no /schema."""

    def do_GET(self):
        """Tell which version is served."""
        known = self.path == "/health"
        self.reply({"model_version": VERSION} if known else {"detail": "Not Found"}, 200 if known else 404)

    def do_POST(self):
        """Predict the records of the body."""
        records = json.loads(self.rfile.read(int(self.headers["content-length"])))["records"]
        self.reply({"risk": [predict(record) for record in records], "model_version": VERSION})

    def reply(self, content, status=200):
        """Send JSON."""
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())


if __name__ == "__main__":
    ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Api).serve_forever()
