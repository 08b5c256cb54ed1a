"""Which mailbox stands behind the list of opt-outs, as the settings say?"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from infra.settings import Settings

if TYPE_CHECKING:
    from linkage.optouts.ports import MailboxPlace


def mailbox_place(settings: Settings) -> MailboxPlace | None:
    """The MESH mailbox of the settings; None where none is described."""
    from linkage.optouts.mesh import MeshPlace

    mesh = settings.optouts.mesh
    if mesh is None:
        return None
    return MeshPlace(
        url=mesh.url,
        mailbox=mesh.mailbox,
        password_file=mesh.password_file,
        shared_key_file=mesh.shared_key_file,
        patience=timedelta(minutes=settings.optouts.reply_within_minutes),
        recipient=mesh.recipient,
        certificate=mesh.certificate,
        private_key=mesh.private_key,
        ca_file=mesh.ca_file,
    )


def longest_age(settings: Settings) -> timedelta | None:
    """How old a list may be; None: nobody has decided it."""
    days = settings.optouts.longest_age_days
    return None if days is None else timedelta(days=days)
