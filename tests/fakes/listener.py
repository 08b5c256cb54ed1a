"""Somebody outside, to whom a page may try to speak: notes who was heard, over HTTP and as a helper of peers."""

from __future__ import annotations

import contextlib
import http.server
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

PLAIN_PAGE = b"<!doctype html><html><head><title>plain</title></head><body><p>plain</p></body></html>"
SERVICE_WORKER = b"self.addEventListener('fetch', () => 0);"


@dataclass
class Listener:
    """`heard` holds side and name of each attempt that came: `in` from a workspace's page, `out` from its control."""

    port: int
    helpers: dict[str, int]
    heard: set[tuple[str, str]] = field(default_factory=set)

    @property
    def plain_page(self) -> str:
        """A page without any policy."""
        return f"http://127.0.0.1:{self.port}/plain"

    def addresses(self, side: str) -> dict[str, str]:
        """Where an attempt of this side goes."""
        return {
            "http": f"http://127.0.0.1:{self.port}/{side}",
            "ws": f"ws://127.0.0.1:{self.port}/{side}",
            "stun": f"stun:127.0.0.1:{self.helpers[side]}",
        }


@contextlib.contextmanager
def listening() -> Iterator[Listener]:
    """A listener on loopback, until the block ends."""
    with contextlib.ExitStack() as stack:
        listener = Listener(0, {})
        for side in ("in", "out"):
            listener.helpers[side] = stack.enter_context(_helper_of_peers(listener, side))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(listener))
        listener.port = int(server.server_address[1])
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield listener
        finally:
            server.shutdown()
            serving.join()
            server.server_close()


def _handler(listener: Listener) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        """Notes `/side/name`; serves the plain page, a service worker, and a file."""

        def do_GET(self) -> None:
            """Any address."""
            parts = self.path.partition("?")[0].strip("/").split("/")
            if len(parts) == 2:
                listener.heard.add((parts[0], parts[1]))
            kind, body = {
                "sw.js": ("text/javascript", SERVICE_WORKER),
                "file": ("text/csv", b"1"),
            }.get(parts[0], ("text/html", PLAIN_PAGE))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            """What is sent is read, so that the sender is content."""
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


@contextlib.contextmanager
def _helper_of_peers(listener: Listener, side: str) -> Iterator[int]:
    """A socket that peers ask for their address (STUN); that somebody asked is all that counts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as helper:
        helper.bind(("127.0.0.1", 0))
        address = helper.getsockname()

        def note() -> None:
            while helper.recv(2048) != b"end":
                listener.heard.add((side, "peers"))

        noting = threading.Thread(target=note)
        noting.start()
        try:
            yield int(address[1])
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"end", address)
            noting.join()
