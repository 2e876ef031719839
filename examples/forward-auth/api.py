"""An API that knows nothing of tokens: the proxy in front of it says who is calling."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote


class Api(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        caller = {
            # Values are percent-encoded where a header could not hold them.
            name: [unquote(value) for value in self.headers.get_all(f"X-Auth-{name}", [])]
            for name in ("Subject", "User-Id", "Email", "Audience", "Scopes")
        }
        answer = json.dumps({"path": self.path, "caller": caller, "body": body.decode()}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Api).serve_forever()
