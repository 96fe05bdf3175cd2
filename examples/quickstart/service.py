"""A small service of the quickstart: one endpoint that says who it is and who called.

service.py NAME LISTEN_FD   serves on the socket it inherits
POST /slow?ms=300 makes its answers that slow from now on.
"""

import http.server
import json
import signal
import socket
import sys
import time
import urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open
    disable_nagle_algorithm = True
    name = "?"
    slow_seconds = 0.0

    def do_GET(self):
        time.sleep(Handler.slow_seconds)
        self.answer({"from": Handler.name, "path": self.path, "caller": self.headers.get("x-naru-caller")})

    def do_POST(self):
        self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urllib.parse.urlparse(self.path)
        if url.path == "/slow":
            Handler.slow_seconds = int(urllib.parse.parse_qs(url.query)["ms"][0]) / 1000
        self.answer({"from": Handler.name})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches every process; quickstart.py ends this one
    Handler.name = sys.argv[1]
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=int(sys.argv[2]))
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
