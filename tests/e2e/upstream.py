"""A service of the test behind the edge, which answers as the test says and counts what reaches it."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Upstream(ThreadingHTTPServer):
    """``behave`` answers each request, but those for the front page. ``seen`` has a line for each: method and path."""

    daemon_threads = True
    request_queue_size = 1000

    def __init__(self, behave: Callable[["Request"], None]) -> None:
        super().__init__(("127.0.0.1", 0), Request)
        self.behave = behave
        self.seen: list[str] = []


class Request(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """Answer with these headers; an underscore in a name stands for a hyphen."""
        self.send_response(status)
        for name, value in {"Content_Type": "application/json", "Content_Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_one_request(self) -> None:
        with contextlib.suppress(OSError):
            super().handle_one_request()

    def _handle(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/":  # the edge is asked for it until it answers
            return self.answer()
        self.server.seen.append(f"{self.command} {self.path}")
        return self.server.behave(self)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _handle

    def log_message(self, *words: object) -> None:
        pass


@contextlib.contextmanager
def upstream(behave: Callable[[Request], None]) -> Iterator[Upstream]:
    with Upstream(behave) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
