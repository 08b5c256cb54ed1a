"""What may be asked of a zone, and by whose process? One line for each verb; what stands in no line is refused.

No verb of the linkage zone gives an identifier to anybody but a reviewer, pair by pair; none of the research zone gives
a row of payload, but for a scope's own file, which comes encrypted under that scope's key. Only the intake brings rows,
and it asks for nothing but which rounds there are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from linkage.errors import ZoneForbids
from linkage.intake import in_zones as intake
from linkage.matching import in_zones as matching
from linkage.matching.residual import door
from linkage.references import in_zones as references
from linkage.scopes import in_zones as scopes
from linkage.sealed import in_zones as sealed
from linkage.separation import passed
from linkage.separation.ports import Answer, Asker, Named, Plain, Room, ZoneVerb
from linkage.separation.shapes import CheckedTables, Shapes, Takes, takes_nothing


@dataclass(frozen=True)
class KnownVerb:
    """One verb: in which zone it is done, how, whose process may ask for it, and the tables that it takes and gives."""

    zone: str
    do: ZoneVerb
    asked_by: Asker = Asker.ORCHESTRATOR
    takes: Takes = takes_nothing
    gives: Shapes = field(default_factory=dict)

    def done(self, room: Room, asked: Plain, tables: Iterable[Named]) -> Answer:
        """Do it, with tables that are what it takes. Raises what it raises; ZoneError for other tables."""
        given = CheckedTables(tables, self.takes(asked), complete=True)
        with given.told():
            return self.do(room, asked, iter(given))


VERBS: dict[str, KnownVerb] = {
    # the intake brings rows
    "identity.put": KnownVerb("linkage", intake.put_identity, Asker.INTAKE, passed.identity),
    "tokens.put": KnownVerb("linkage", intake.put_tokens, Asker.INTAKE, passed.sealed),
    "payload.put": KnownVerb("research", intake.put_payload, Asker.INTAKE, passed.payload),
    "quarantine.put": KnownVerb("quarantine", intake.put_quarantine, Asker.INTAKE, passed.quarantine),
    "references.put": KnownVerb("linkage", references.put_reference, Asker.INTAKE, passed.references),
    # the keys of rounds: signs pass, and files sealed for a controller
    "rounds.create": KnownVerb("linkage", sealed.create_round),
    "rounds.find": KnownVerb("linkage", sealed.find_round, Asker.INTAKE),
    "rounds.sealed": KnownVerb("linkage", sealed.sealed_round),
    "rounds.signer": KnownVerb("linkage", sealed.round_signer),
    "rounds.destroy": KnownVerb("linkage", sealed.destroy_round),
    "rounds.forget": KnownVerb("linkage", sealed.forget_round),
    "rounds.ended": KnownVerb("linkage", sealed.ended_rounds),
    # what does not count goes; where bad rows are
    "identity.keep_only": KnownVerb("linkage", intake.keep_identity),
    "payload.keep_only": KnownVerb("research", intake.keep_payload),
    "quarantine.keep_only": KnownVerb("quarantine", intake.keep_quarantine),
    "quarantine.rows": KnownVerb("quarantine", intake.quarantined),
    # linkage: row keys and random numbers pass, and counts
    "linkage.token_key": KnownVerb("linkage", matching.token_key),
    "linkage.unlinked": KnownVerb("linkage", matching.unlinked_deliveries),
    "linkage.stands": KnownVerb("linkage", matching.stands),
    "linkage.link": KnownVerb("linkage", matching.link_records),
    "linkage.outcome": KnownVerb("linkage", matching.outcome, gives=passed.OUTCOME),
    "linkage.drop_row_keys": KnownVerb("linkage", matching.drop_row_keys),
    "linkage.told": KnownVerb("linkage", matching.told, gives=passed.TOLD),
    "linkage.measured": KnownVerb("linkage", matching.measured),
    "linkage.train": KnownVerb("linkage", matching.train),
    "linkage.sample": KnownVerb("linkage", matching.sample),
    "references.list": KnownVerb("linkage", references.listed),
    "references.approve": KnownVerb("linkage", references.approve),
    "references.remove": KnownVerb("linkage", references.remove),
    # the reviewers' door: fields to a reviewer's account, subjects and answers to the orchestrator's
    "review.next": KnownVerb("linkage", door.next_pair, Asker.REVIEWER),
    "review.decide": KnownVerb("linkage", door.decide, Asker.REVIEWER),
    "review.decisions": KnownVerb("linkage", door.decisions, gives=passed.SAID),
    "review.taken": KnownVerb("linkage", door.taken),
    # payload under person numbers
    "research.linked": KnownVerb("research", matching.linked_deliveries),
    "research.applied": KnownVerb("research", matching.applied),
    "research.move": KnownVerb("research", matching.move_payload, takes=passed.outcome),
    "research.measured": KnownVerb("research", matching.rates_and_signs),
    # a project's file
    "scope.build": KnownVerb("research", scopes.build, takes=passed.had, gives=passed.SCOPE_FILE),
}


def verb_named(name: str) -> KnownVerb:
    """The verb of this name. Raises ZoneForbids."""
    known = VERBS.get(name)
    if known is None:
        raise ZoneForbids(
            "No zone does this.", where=name[:60], mend="The two processes are of different versions: start both anew."
        )
    return known
