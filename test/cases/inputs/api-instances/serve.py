"""Tells how a bus will be filled, as servers of tensors answer. Its version is a number, and it takes a while to be ready."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READY_AT = time.monotonic() + 0.5


class Buses(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path != "/healthz":
            return self.answer(404, {})
        state = "READY" if time.monotonic() > READY_AT else "LOADING"
        self.answer(200, {"state": state, "build": {"number": int(os.environ["BUS_MODEL"]), "of": os.environ["BUS_RUN"]}})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path != "/v1/buses:predict" or "instances" not in body:
            return self.answer(404 if self.path != "/v1/buses:predict" else 400, {"error": "instances are missing"})
        count = len(body["instances"])
        self.answer(200, {"outputs": {"labels": ["full"] * count, "probability": [0.75] * count}})

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Buses).serve_forever()
