"""The root key in the transit engine of OpenBao or HashiCorp Vault: AES-256-GCM there, under a policy and a log there.

The root key never leaves the server. What this process needs: create (first use), read, encrypt, decrypt, rotate and
config on one key of one mount. The access token comes from a file, such as an agent's sink, read at each call.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import hvac
from hvac.exceptions import Forbidden, InvalidPath, InvalidRequest, Unauthorized, VaultDown, VaultError
from requests.exceptions import RequestException

from access.keys.errors import RootUnavailable, WrongRoot
from access.keys.files import read_secret

SECONDS = 5
LOOPBACK = ("127.0.0.1", "::1", "localhost")
WRAPPED = re.compile(rb"vault:v[0-9]+:[A-Za-z0-9+/=]+")


class TransitRoot:
    """The key `key` of the transit engine at `mount`. ca_file: whom to trust; None: the system's list."""

    def __init__(
        self,
        address: str,
        key: str,
        token_file: Path,
        *,
        mount: str = "transit",
        ca_file: Path | None = None,
        namespace: str | None = None,
    ) -> None:
        self._address = address
        self._key = key
        self._token_file = token_file
        self._mount = mount
        self._ca_file = ca_file
        self._namespace = namespace

    def __repr__(self) -> str:
        return f"TransitRoot({self.name})"

    @property
    def name(self) -> str:
        """Mount and key."""
        return f"transit:{self._mount}/{self._key}"

    def make(self) -> None:
        """Make the root key where there is none; it can be neither exported nor deleted."""
        with self._engine() as engine:
            try:
                engine.read_key(self._key, mount_point=self._mount)
            except InvalidPath:
                engine.create_key(
                    self._key,
                    key_type="aes256-gcm96",
                    exportable=False,
                    allow_plaintext_backup=False,
                    mount_point=self._mount,
                )

    def wrap(self, key: bytes, context: str) -> bytes:
        """The engine's own text, which names the version."""
        with self._engine() as engine:
            self._newest(engine)  # encrypting under a key that is not there would make it
            answer = engine.encrypt_data(
                self._key, plaintext=_text(key), associated_data=_text(context.encode()), mount_point=self._mount
            )
        sealed: str = answer["data"]["ciphertext"]
        return sealed.encode("ascii")

    def unwrap(self, wrapped: bytes, context: str) -> bytes:
        """What was wrapped. Raises WrongRoot."""
        if not WRAPPED.fullmatch(wrapped):
            raise self._wrong()
        with self._engine() as engine:
            self._newest(engine)
            try:
                answer = engine.decrypt_data(
                    self._key,
                    ciphertext=wrapped.decode("ascii"),
                    associated_data=_text(context.encode()),
                    mount_point=self._mount,
                )
            except InvalidRequest:  # the tag does not fit, or the version was retired
                raise self._wrong() from None
        return base64.b64decode(answer["data"]["plaintext"])

    def rotate(self) -> int:
        """A new version in the engine."""
        with self._engine() as engine:
            self._newest(engine)
            engine.rotate_key(self._key, mount_point=self._mount)
            return self._newest(engine)

    def retire(self, before: int) -> None:
        """The engine decrypts nothing of the versions below any more."""
        with self._engine() as engine:
            engine.update_key_configuration(self._key, min_decryption_version=before, mount_point=self._mount)

    def _newest(self, engine: Any) -> int:
        try:
            return int(engine.read_key(self._key, mount_point=self._mount)["data"]["latest_version"])
        except InvalidPath:
            raise self._unavailable(
                "The transit engine holds no key of this name.", "Correct the mount and the key in the settings."
            ) from None

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        """The engine; whatever goes wrong is told without the server's own words, which may quote what was sent."""
        parts = urlsplit(self._address)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise self._unavailable("Keys go over TLS only.", "Write https:// in the server's address.")
        token = read_secret(self._token_file, "access token").decode("utf-8", "replace")
        try:
            client = hvac.Client(
                url=self._address,
                token=token,
                verify=str(self._ca_file) if self._ca_file else True,
                namespace=self._namespace,
                timeout=SECONDS,
            )
            yield client.secrets.transit
        except (Forbidden, Unauthorized):
            raise self._unavailable(
                "The key server refuses our access token.", "Renew it, or give its policy this key."
            ) from None
        except VaultDown:
            raise self._unavailable("The key server is sealed.", "Its operators unseal it.") from None
        except RequestException as error:
            raise self._unavailable(
                f"The key server does not answer ({type(error).__name__}).", "Start it, or correct its address."
            ) from None
        except (VaultError, KeyError, TypeError, ValueError) as error:
            raise self._unavailable(
                f"The key server gave no answer that fits ({type(error).__name__}).",
                "Look at its log; is this the address of an OpenBao or Vault server with a transit engine?",
            ) from None

    def _unavailable(self, what: str, mend: str) -> RootUnavailable:
        return RootUnavailable(what, where=f"{self._address} {self.name}", mend=mend)

    def _wrong(self) -> WrongRoot:
        return WrongRoot(
            "A wrapped key does not open under the root key of the transit engine.",
            where=self.name,
            mend="Use the key that this home was made with, or restore the folder of keys from its backup.",
        )


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
