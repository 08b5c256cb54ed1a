"""HTTP to an issuer against real servers: redirects, length, slowness and plain HTTP elsewhere bring no answer."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from access.identity.fetching import LONGEST_ANSWER, HttpNetwork
from access.identity.ports import Unanswered
from tests.fakes.issuers import Listener

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def _answering(parts: list[bytes], pause: float = 0.0) -> Iterator[str]:
    """A server that answers one request with these bytes, pausing between them."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                for part in parts:
                    try:
                        connection.sendall(part)
                    except OSError:
                        return
                    time.sleep(pause)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            thread.join()


def test_a_plain_answer_comes_back_whole() -> None:
    """Status and body, of a GET and of a form."""
    with _answering([OK + b"Content-Length: 2\r\n\r\n{}"]) as url:
        answer = HttpNetwork().get(url)
    assert (answer.status, answer.body) == (200, b"{}")
    with _answering([b"HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\n{}"]) as url:
        assert HttpNetwork().post(url, {"a": "b"}).status == 400


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_no_answer_and_is_not_followed(status: int) -> None:
    """The address that it names is never asked."""
    elsewhere = Listener()
    head = f"HTTP/1.1 {status} X\r\nLocation: {elsewhere.address}\r\nContent-Length: 0\r\n\r\n"
    with _answering([head.encode()]) as url, pytest.raises(Unanswered):
        HttpNetwork().get(url)
    assert elsewhere.heard_nobody()
    elsewhere.close()


def test_an_answer_without_end_is_cut_off() -> None:
    """No more is read than an issuer's answers have."""
    body = [OK + b"\r\n"] + [b"x" * 65536] * (LONGEST_ANSWER // 65536 + 2)
    with _answering(body) as url, pytest.raises(Unanswered):
        HttpNetwork().get(url)


def test_a_compressed_answer_that_swells_is_cut_off() -> None:
    """The bound is on what is read, not on what was sent."""
    import gzip

    packed = gzip.compress(b"x" * (8 * LONGEST_ANSWER))
    head = OK + b"Content-Encoding: gzip\r\n" + f"Content-Length: {len(packed)}\r\n\r\n".encode()
    with _answering([head + packed]) as url, pytest.raises(Unanswered):
        HttpNetwork().get(url)


def test_an_answer_that_drips_ends_after_its_time() -> None:
    """A byte now and then holds nobody up beyond the bound."""
    drips = [OK + b"Content-Length: 1000\r\n\r\n"] + [b"x"] * 12
    with _answering(drips, pause=0.05) as url, pytest.raises(Unanswered):
        HttpNetwork(seconds=0.3).get(url)


@pytest.mark.parametrize("bad", [b"", b"nonsense\r\n\r\n", OK + b"Content-Length: 9\r\n\r\n{}"])
def test_an_answer_that_is_none_is_no_answer(bad: bytes) -> None:
    """Nothing, nonsense, or less than was promised."""
    with _answering([bad]) as url, pytest.raises(Unanswered):
        HttpNetwork().get(url)


@pytest.mark.parametrize("url", ["http://id.example/", "ftp://127.0.0.1/", "http://asha@127.0.0.1/", "nonsense", ""])
def test_an_address_that_is_not_safe_is_not_asked(url: str) -> None:
    """Plain HTTP leaves this machine never."""
    with pytest.raises(Unanswered):
        HttpNetwork().get(url)


def test_the_environments_proxy_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would see codes and tokens: what the shell names is passed over."""
    proxy = Listener()
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.address)
    with _answering([OK + b"Content-Length: 2\r\n\r\n{}"]) as url:
        assert HttpNetwork().get(url).status == 200
    assert proxy.heard_nobody()
    proxy.close()
