"""What left, under which rules, and who approved it? A signed document that travels with the files.

Ed25519 over the manifest's canonical JSON. Anyone with the haven's public key can check a release, without the haven.
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from audit.model import Json
from environments.airlock.errors import ManifestInvalid

MANIFEST_FILE = "manifest.json"
RECALL_FILE = "RECALLED.json"
FORMAT = "haven-release/1"


def signed(content: dict[str, Json], key: Ed25519PrivateKey) -> str:
    """The content with its signature, as JSON text; the same bytes for the same content and key."""
    signature = {
        "algorithm": "Ed25519",
        "public_key": base64.b64encode(key.public_key().public_bytes_raw()).decode(),
        "value": base64.b64encode(key.sign(_canonical(content))).decode(),
    }
    return json.dumps({"content": content, "signature": signature}, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def opened(text: str, key: Ed25519PublicKey) -> dict[str, Any]:
    """The content of a signed document. Raises ManifestInvalid unless this key signed exactly this."""
    try:
        document = json.loads(text)
        content, signature = document["content"], document["signature"]
        key.verify(base64.b64decode(signature["value"], validate=True), _canonical(content))
    except (ValueError, KeyError, TypeError, InvalidSignature):
        raise ManifestInvalid(
            "The manifest is not signed by this key, or was changed since.", mend="Ask the haven for the release again."
        ) from None
    return dict(content)


def verify_release(folder: Path, key: Ed25519PublicKey) -> dict[str, Any]:
    """The manifest of a received release whose files are exactly those it names. Raises ManifestInvalid."""
    try:
        content = opened((folder / MANIFEST_FILE).read_text(encoding="utf-8"), key)
    except (OSError, UnicodeDecodeError):
        raise ManifestInvalid("The manifest cannot be read.", where=str(folder), mend="Name the folder.") from None
    named = {file["name"]: file["sha256"] for file in content["files"]}
    there = {path.name for path in folder.iterdir()} - {MANIFEST_FILE}
    if there != set(named):
        raise ManifestInvalid("The files are not those that the manifest names.", where=str(folder))
    for name, digest in named.items():
        if hashlib.sha256((folder / name).read_bytes()).hexdigest() != digest:
            raise ManifestInvalid("A file was changed since its release.", where=str(folder / name))
    return content


def _canonical(content: dict[str, Any]) -> bytes:
    """One byte string for one content: sorted keys, no spaces, UTF-8; no fractions stand in a manifest."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
