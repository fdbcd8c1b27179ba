"""Answers for the parcels. Usage: PORT=8000 VERSION=3 serve.py"""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Parcels(BaseHTTPRequestHandler):
    def do_GET(self):
        model = {"tag": os.environ["VERSION"]}
        self.answer(200, {"model": model}) if self.path == "/health" else self.answer(404, {})

    def do_POST(self):
        rows = json.loads(self.rfile.read(int(self.headers.get("content-length", 0)))).get("instances")
        self.answer(200, {"late": [0 for _ in rows]}) if rows else self.answer(400, {"error": "no instances"})

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
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Parcels).serve_forever()
