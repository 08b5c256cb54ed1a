"""One reading of each text: JSON, base64url, addresses."""

from __future__ import annotations

import pytest

from access.identity.addresses import is_loopback, is_safe, same_origin
from access.identity.strict import Unreadable, read_base64url, read_object, write_base64url


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"1", b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":1} x',
     b'\xff{"a":1}', b'\xef\xbb\xbf{"a":1}', b"{" * 5000, b'{"a":' * 9 + b"1" + b"}" * 9, b"{'a': 1}",
     '{"a":1}'.encode("utf-16")],
    ids=repr,
)  # fmt: skip
def test_json_with_two_readings_or_none_is_refused(text: bytes) -> None:
    """A name twice, a number that is none, a mark before it, depth without end: no reader may see something else."""
    with pytest.raises(Unreadable):
        read_object(text)


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q+", "Q/8", "QQ\n", " QQ", "é", "QQ.", "Q Q"], ids=repr)
def test_base64url_is_read_only_as_it_must_be_written(text: str) -> None:
    """Padding, spare bits, the other alphabet and white space: one signature may have one spelling only."""
    with pytest.raises(Unreadable):
        read_base64url(text)


@pytest.mark.parametrize("content", [b"", b"A", b"AB", b"ABC", bytes(range(256))])
def test_base64url_comes_back_as_it_went(content: bytes) -> None:
    """What is written is read."""
    assert read_base64url(write_base64url(content)) == content


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://id.example/realms/haven", True),
        ("http://127.0.0.1:8080/realms/haven", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080/x", True),
        ("http://id.example", False),
        ("http://haven.localhost/issuer", False),
        ("http://127.0.0.1.example", False),
        ("http://127.0.0.1@elsewhere.example", False),
        ("https://asha:secret@id.example", False),
        ("https://id.example/?x=1", False),
        ("https://id.example/#x", False),
        ("https://id.example:99999/", False),
        ("https:\\\\id.example", False),
        ("https://id.example/ x", False),
        ("https://id.exаmple/", False),
        ("ftp://127.0.0.1", False),
        ("file:///etc/passwd", False),
        ("//id.example", False),
        ("https://", False),
        ("", False),
    ],
)
def test_an_issuer_is_asked_by_https_or_on_this_machine(url: str, safe: bool) -> None:
    """Plain HTTP leaves this machine never; nothing hides in an address."""
    assert is_safe(url) is safe


def test_this_machine_and_one_origin_are_told_by_their_parts() -> None:
    """Loopback by number or name; an origin is scheme, host and port."""
    assert is_loopback("http://127.8.9.1:1")
    assert is_loopback("https://haven.localhost/issuer")
    assert not is_loopback("https://localhost.example")
    assert not is_loopback("nonsense")
    assert same_origin("https://a.example/x", "https://a.example:443/y")
    assert not same_origin("https://a.example/x", "http://a.example/x")
    assert not same_origin("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert not same_origin("nonsense", "nonsense")
