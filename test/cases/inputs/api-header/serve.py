"""Rates apples by weight. It says its version in a header, and takes and returns lists. Usage: serve.py PORT VERSION"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Apples(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, "alive") if self.path == "/ping" else self.answer(404, "no such page")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("content-length", 0))))
        if self.path != "/score":
            return self.answer(404, "no such page")
        if not isinstance(body, list):
            return self.answer(422, {"error": "a list of apples, please"})
        self.answer(200, [{"score": min(1.0, apple["grams"] / 400), "kind": "juice"} for apple in body])

    def answer(self, status, content):
        text = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.send_header("x-model-version", f"v{sys.argv[2]}")
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Apples).serve_forever()
