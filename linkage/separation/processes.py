"""What does a zone's process do for whom? The table of verbs, for the zones that are its own, with its own key ring."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from audit.progress import Progress
from linkage.errors import ZoneForbids
from linkage.matching.engines.choice import LinkageEngine
from linkage.optouts.ports import MailboxPlace
from linkage.separation.ports import Answer, Asker, Named, Plain, Room
from linkage.separation.server import Do
from linkage.separation.verbs import verb_named
from linkage.zones import Zones

SERVED: dict[str, frozenset[str]] = {
    "linkage": frozenset({"linkage", "quarantine"}),
    "research": frozenset({"research"}),
}
"""By process: the zones that it opens. Where bad rows are, and why, is kept by linkage; their content by nobody."""


def in_own_zones(
    process: str,
    zones: Zones,
    *,
    most_pairs: int | None = None,
    listed: Callable[[str], bool] = lambda _: False,
    engine: LinkageEngine | None = None,
    mailbox: MailboxPlace | None = None,
) -> Do:
    """What the process of this name does. Raises ZoneForbids for another zone's verb, or another account's.

    most_pairs: that a linkage may weigh, as this process's own settings say. listed: is this the recipient of a
    controller that root has listed? engine: on what it links; None: DuckDB. mailbox: through which opt-outs are
    asked for.
    """
    own = SERVED[process]

    def do(verb: str, asker: Asker, arguments: Plain, tables: Iterator[Named], progress: Progress) -> Answer:
        known = verb_named(verb)
        if known.zone not in own or known.asked_by is not asker:
            raise ZoneForbids(
                f"The {process} zone does not do this for the account of the {asker}.",
                where=verb,
                mend="linkage/separation/verbs.py says which account asks for what.",
            )
        room = Room(
            zones.opener(known.zone),
            zones.keyring,
            zones.folder(known.zone),
            zones.spilling(known.zone),
            progress,
            engine,
            review=zones.opener("review") if process == "linkage" else None,
            listed=listed,
            apart=True,
            most_pairs=most_pairs,
            optouts=zones.opener("optouts") if process == "linkage" else None,
            objectors=zones.opener("objections") if process == "linkage" else None,
            mailbox=mailbox,
        )
        return known.done(room, arguments, tables)

    return do
