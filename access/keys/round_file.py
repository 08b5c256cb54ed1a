"""What does a controller get of a round? Its key, sealed for the controller, in a file that the linkage zone signs.

Sealing tells who can read a file, and nothing of who made it: whoever knows the controller's recipient could seal a key
of their own making. So everything in the file is signed. Haven and agent share this page (clients/haven-controller).
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from access.keys.signatures import signature, verifies

HEADER = b"haven-round-file/1"
CONTEXT = HEADER + b"\n"
"""Stands before the statement in what is signed."""
SIGNER = "haven-round-signer-1:"
"""How the line of the public key begins that checks these files."""


@dataclass(frozen=True)
class RoundFile:
    """The statement of a round's file. sealed: the key, encrypted with age for `recipient`. Times in UTC.

    Until `expires` it may be used; the haven's own records say when the round itself ends.
    """

    key_id: str
    version: int
    check_value: str
    datasets: tuple[str, ...]
    recipient: str
    made_at: datetime
    expires: datetime
    sealed: bytes


def signed_file(file: RoundFile, key: Ed25519PrivateKey) -> bytes:
    """Three parts in lines: what it is, the signature, and the statement, over all of whose bytes it is."""
    told = asdict(file) | {"made_at": file.made_at.isoformat(), "expires": file.expires.isoformat()}
    statement = json.dumps(told | {"sealed": b64encode(file.sealed).decode()}, indent=1).encode()
    return b"\n".join((HEADER, signature(statement, key, CONTEXT), statement))


def parts_of(content: bytes) -> tuple[bytes, bytes] | None:
    """Signature and statement, neither looked at; None: the file is not of this kind, or has no signature."""
    header, _, rest = content.partition(b"\n")
    signed, _, statement = rest.partition(b"\n")
    return (signed, statement) if header == HEADER and signed.strip() else None


def is_signed_by(signed: bytes, statement: bytes, signer: Ed25519PublicKey) -> bool:
    """Did this key sign the statement, as it is?"""
    return verifies(signed, statement, signer, CONTEXT)


def statement_of(content: bytes) -> RoundFile:
    """What a statement says, whose signature was checked. Raises ValueError."""
    try:
        told = json.loads(content)
        times = {name: datetime.fromisoformat(told[name]) for name in ("made_at", "expires")}
        sealed = b64decode(told["sealed"], validate=True)
        file = RoundFile(**{**told, **times, "datasets": tuple(told["datasets"]), "sealed": sealed})
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("no statement of a round") from error
    if any(one.tzinfo is None for one in times.values()):
        raise ValueError("a time without its zone")
    return file
