"""What proves that a delivery is gone? A signed statement: what, when, by whom, how, and what it does not cover.

Signed as the certificates of destroyed keys are (access.keys.certificate). It cannot prove that no copy was made.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from access.keys.certificate import signed_statement
from access.retention.model import Retention

KIND = "haven/delivery-destroyed/1"
METHOD = (
    "The delivery's record no longer counts; its rows were removed from the linkage zone, the research zone and "
    "quarantine, and a linkage run after that removed the payload and the persons that no other delivery knows."
)
REMAINS = (
    "Not covered: backups made while the rows were there, free pages of the zones' encrypted files until they are "
    "written again, project files that are not published anew, outputs that were released, and what the controller "
    "or anybody else keeps."
)


def delivery_certificate(
    retention: Retention, *, at: datetime, by: str, early: str | None, key: Ed25519PrivateKey
) -> dict[str, Any]:
    """The statement with its signature and the public key that checks it."""
    held = retention.held
    return signed_statement(
        {
            "kind": KIND,
            "delivery": held.id,
            "name": held.name,
            "dataset": held.dataset,
            "controller": held.controller,
            "manifest_sha256": held.digest,
            "received_on": held.received_on.isoformat(),
            "kept_until": retention.until.isoformat() if retention.until else None,
            "agreement": retention.agreement,
            "agreed_destruction": retention.destruction,
            "destroyed_at": at.isoformat(),
            "destroyed_by": by,
            "early": early,
            "method": METHOD,
            "what": REMAINS,
        },
        key,
    )
