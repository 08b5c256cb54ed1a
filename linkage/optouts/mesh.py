"""MESH behind the port: NHS England's message exchange, by the package `mesh-client`. The only file that knows it.

TLS with our certificate and key, the mailbox's password and MESH's shared key, each from a file of this account only.
Sources: MESH API catalogue; mesh-client 5 (send_message, iterate_message_ids, retrieve_message, acknowledge_message).
"""

from __future__ import annotations

import http
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from access.keys.files import read_secret
from linkage.optouts.errors import MailboxAway
from linkage.optouts.model import MailboxMessage

WORKFLOW = "SPINE_NTT_UPHOLDING"
NATIONAL_SERVICE = "X26HC036"
"""The mailbox of the Check for National Data Opt-outs service."""
LARGEST_PIECE = 75 * 1024 * 1024  # bytes; MESH takes at most 100 MB in one piece
SECONDS = 60.0
REPORT = "REPORT"
GONE = frozenset({http.HTTPStatus.NOT_FOUND, http.HTTPStatus.GONE})
UPLOADING = "uploading"


@dataclass(frozen=True)
class MeshPlace:
    """Where the mailbox is, and the files with its secrets. recipient: the national service's mailbox.

    certificate, private_key, ca_file: of TLS, all needed but on this machine's own loopback.
    """

    url: str
    mailbox: str
    password_file: Path
    shared_key_file: Path
    patience: timedelta
    recipient: str = NATIONAL_SERVICE
    workflow: str = WORKFLOW
    certificate: Path | None = None
    private_key: Path | None = None
    ca_file: Path | None = None
    piece: int = LARGEST_PIECE

    @contextmanager
    def opened(self) -> Iterator[MeshMailbox]:
        """The mailbox. Raises KeyRingError for an unfit file of a secret, MailboxAway."""
        from mesh_client import MeshClient

        password, shared = (
            read_secret(self.password_file, "MESH password"),
            read_secret(self.shared_key_file, "MESH key"),
        )
        if self.private_key is not None:
            read_secret(self.private_key, "MESH private key")
        files = None if self.certificate is None or self.private_key is None else (self.certificate, self.private_key)
        client = MeshClient(
            self.url,
            self.mailbox,
            password.decode(),
            shared_key=shared,
            cert=files and (str(files[0]), str(files[1])),
            verify=str(self.ca_file) if self.ca_file else None,
            max_chunk_size=self.piece,
            timeout=SECONDS,
            application_name="haven",
        )
        client._session.trust_env = False  # no proxy, and no password file, that the caller's environment names
        try:
            _told(client.handshake)
            yield MeshMailbox(client, self)
        finally:
            client.close()  # type: ignore[no-untyped-call]


class MeshMailbox:
    """The mailbox while it is open."""

    def __init__(self, client: Any, place: MeshPlace) -> None:
        self._client = client
        self._place = place

    def find_sent(self, local_id: str) -> bool:
        """By MESH's tracking of what we sent; the package has no call for our own ids, the interface has."""
        url = f"{self._client.mailbox_url}/outbox/tracking/{quote(local_id, safe='')}"
        answer = _told(lambda: self._client._session.get(url, timeout=SECONDS))
        if answer.status_code == http.HTTPStatus.NOT_FOUND:
            return False
        if answer.status_code == http.HTTPStatus.OK:
            return UPLOADING not in str(answer.json().get("status", "")).lower()
        if answer.status_code == http.HTTPStatus.MULTIPLE_CHOICES:
            return True
        raise _away(f"status {answer.status_code}")

    def send(self, local_id: str, content: bytes) -> None:
        """The service wants subject and our own id; MESH's pieces are the package's."""
        _told(
            lambda: self._client.send_message(
                self._place.recipient,
                content,
                workflow_id=self._place.workflow,
                local_id=local_id,
                subject=local_id,
                filename=f"{local_id}.dat",
            )
        )

    def waiting(self) -> list[str]:
        """As the port says."""
        return [str(name) for name in _told(lambda: list(self._client.iterate_message_ids()))]

    def take(self, message: str, most: int) -> MailboxMessage:
        """As the port says."""

        def taken() -> MailboxMessage:
            found = self._client.retrieve_message(message)
            try:
                return MailboxMessage(
                    message,
                    found.sender or "",
                    found.workflow_id or "",
                    found.local_id or "",
                    (found.message_type or "").upper() == REPORT,
                    found.read(most + 1),
                )
            finally:
                found.close()

        read: MailboxMessage = _told(taken)
        return read

    def acknowledge(self, message: str) -> None:
        """As the port says."""
        from requests import HTTPError

        def acknowledged() -> None:
            try:
                self._client.acknowledge_message(message)
            except HTTPError as error:
                if error.response is None or error.response.status_code not in GONE:
                    raise

        _told(acknowledged)


def _told(call: Callable[[], Any]) -> Any:
    """What the call gives. Raises MailboxAway for every fault of it: a library's own text may quote what was sent."""
    from mesh_client import MeshError
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    try:
        return call()
    except (RequestException, HTTPError, MeshError, OSError, ValueError) as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        raise _away(f"status {status}" if status else type(error).__name__) from None


def _away(how: str) -> MailboxAway:
    return MailboxAway(
        f"MESH cannot be used now ({how}).",
        where="MESH mailbox",
        mend="Look at address, certificate and password in [optouts.mesh]; then run the command again: it goes on.",
    )
