"""May this organisation take part today, is its dataset covered, and may a dataset come in?

Safe-haven attributes 1, 3, 8 and 11; sanctions are the definition's penalties for abuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date

from access.decisions import PAPERS_FURTHEST, Allowed, Decision, Refused, may_last_until
from access.documents import HIDDEN, REWRITE, UNSEEN
from access.organisations.agreement import Agreement
from access.organisations.model import ENOUGH, DatasetEntry, Organisation, Sanction

ORGANISATION_ID = re.compile(r"[a-z][a-z0-9_-]{1,59}")


def sanction_in_force(sanctions: Iterable[Sanction], today: date) -> Sanction | None:
    """The sanction that bars on this day, if one does."""
    return next((one for one in sanctions if one.holds_on(today)), None)


def may_be_named(organisation: Organisation) -> Decision:
    """May an organisation be registered under this id? As contracts and agreements name them."""
    if ORGANISATION_ID.fullmatch(organisation.id):
        return may_be_shown(organisation.name)
    return Refused(
        "organisation.id_unfit",
        "An id of an organisation has small letters, digits, hyphens and underscores, and begins with a letter.",
        "Choose one of 2 to 60 signs; the name as people write it is told apart.",
    )


def may_be_shown(name: str, what: str = "name", longest: int = 200) -> Decision:
    """May this name, as people write it, stand on a screen and in its column? what: it is, in a word."""
    if not name.strip():
        return Refused("name.empty", f"The {what} is empty.", "Write it as people know it.")
    if UNSEEN.search(name) or "\n" in name:
        return Refused("name.hidden_signs", f"The {what} {HIDDEN}.", f"{REWRITE.capitalize()}.")
    if len(name) > longest:
        return Refused("name.too_long", f"The {what} is longer than {longest} signs.", "Write it shorter.")
    return Allowed()


def may_take_part(organisation: Organisation | None, today: date) -> Decision:
    """Is the organisation known, not barred, and its security assessed and good enough?"""
    if organisation is None:
        return Refused(
            "organisation.unknown",
            "The person's organisation is not registered.",
            "Register it first: `haven organisation add ID NAME`.",
        )
    if not (unbarred := may_act_for_itself(organisation, today)):
        return unbarred
    security = organisation.security
    if security is None:
        return Refused(
            "organisation.security_missing",
            f"No security assessment of {organisation.name} is recorded.",
            f"A governance lead records it: haven organisation assess {organisation.id} ODS-CODE STATUS --ends DATE.",
        )
    if security.status not in ENOUGH:
        return Refused(
            "organisation.security_not_met",
            f"The security assessment of {organisation.name} is {security.status}, which is not enough.",
            "The organisation meets the toolkit's standards first.",
        )
    if today > security.ends:
        return Refused(
            "organisation.security_expired",
            f"The security assessment of {organisation.name} ended on {security.ends}.",
            f"A governance lead records the new one: haven organisation assess {organisation.id} ...",
        )
    return Allowed()


def may_act_for_itself(organisation: Organisation | None, today: date) -> Decision:
    """May the organisation's own account decide? Not while it is barred; that also keeps its people out."""
    barred = sanction_in_force(organisation.sanctions, today) if organisation is not None else None
    if organisation is None or barred is None:
        return Allowed()
    return Refused(
        "organisation.sanctioned",
        f"{organisation.name} is barred {_until(barred)}.",
        "A governance lead can lift the sanction: haven sanction lift ID.",
    )


def agreement_in_force(agreement: Agreement, withdrawn_on: date | None, today: date) -> bool:
    """Signed by both, begun, not ended, its review not overdue, not withdrawn?"""
    ended = withdrawn_on is not None and withdrawn_on <= today
    last = min(agreement.ends, agreement.review_due)
    return not agreement.unsigned and agreement.starts <= today <= last and not ended


def may_come_again(agreement: Agreement, withdrawn_on: date | None) -> Decision:
    """May it be registered where one of these parties over its data was withdrawn last on this day? Only signed anew.

    By everybody, after that day; a paper without a signature is none.
    """
    signed = [one.on for one in agreement.signatures.values()] if not agreement.unsigned else []
    if withdrawn_on is None or (signed and min(signed) > withdrawn_on):
        return Allowed()
    return Refused(
        "agreement.signed_before_withdrawal",
        f"An agreement of {agreement.discloser} with {agreement.recipient} over the same data was withdrawn on"
        f" {withdrawn_on}, and this paper is not signed by both on a later day.",
        "Each party signs again, on a later day; then register that paper.",
    )


def may_amend(agreement: Agreement, versions: Sequence[Agreement]) -> Decision:
    """May it be registered beside these papers? Another text than the newest of its id has only signed anew.

    By everybody, after the last day on which any of them was signed: a signature is for the text that stood above it,
    and another id makes no other text of it. versions: of its id, and every paper of the same two over any of the same
    data; the newest last.
    """
    before = [one.on for version in versions for one in version.signatures.values()]
    own = [version for version in versions if version.id == agreement.id]
    if not before or (own and agreement.text == own[-1].text):
        return Allowed()
    signed = [one.on for one in agreement.signatures.values()] if not agreement.unsigned else []
    if signed and min(signed) > max(before):
        return Allowed()
    return Refused(
        "agreement.not_signed_anew",
        f"Its text is not that of {_papers(agreement, own, versions)}, and not both signed it after {max(before)}, the"
        " last day on which they signed over these data.",
        "Have both sign this text, on a later day (haven agreement print FILE OUT); then register that paper.",
    )


def _papers(agreement: Agreement, own: Sequence[Agreement], versions: Sequence[Agreement]) -> str:
    return f"version {len(own)} of {agreement.id}" if own else ", ".join(sorted({one.id for one in versions}))


def may_run(agreement: Agreement, today: date) -> Decision:
    """May an agreement run until its end, and be reviewed on its day? Not for too long, and reviewed while it runs."""
    if agreement.starts <= agreement.review_due <= agreement.ends:
        return may_last_until(agreement.ends, today, PAPERS_FURTHEST)
    return Refused(
        "agreement.review_outside",
        f"It is to be reviewed by {agreement.review_due}, and runs from {agreement.starts} to {agreement.ends}.",
        "Agree on a review_due between starts and ends.",
    )


def may_take_its_place(agreement: Agreement, before: Agreement | None, today: date) -> Decision:
    """May it be registered over the one of its id that is in force today? Not while it begins later: a gap would be."""
    if before is None or agreement.starts <= today:
        return Allowed()
    return Refused(
        "agreement.begins_later",
        f"It begins on {agreement.starts}, and would end the one of this id that is in force today.",
        "Give the renewal an id of its own, or register it on its first day.",
    )


def made_with(agreements: Iterable[Agreement], recipient: str) -> list[Agreement]:
    """Those that let data flow to this organisation: another's paper covers nothing here."""
    return [one for one in agreements if one.recipient == recipient]


def may_use(entry: DatasetEntry, agreements: Sequence[Agreement], purpose: str, basis: str, today: date) -> Decision:
    """May a project use this dataset for this purpose and on this basis, under one of the agreements in force?"""
    mine = [one for one in agreements if one.discloser == entry.controller and entry.id in one.datasets]
    if not mine:
        return Refused(
            "agreement.missing",
            f"No data sharing agreement with {entry.controller} that covers {entry.id} is in force today.",
            "A governance lead registers the signed agreement: haven agreement add FILE.",
        )
    if any(one.covers(entry.id, purpose, basis) for one in mine):
        return Allowed()
    return Refused(
        "agreement.purpose_not_agreed",
        f"No agreement with {entry.controller} allows {entry.id} for {purpose} on the basis of {basis}.",
        "The controller agrees to it in an amended agreement.",
    )


def may_be_catalogued(entry: DatasetEntry, held: Iterable[DatasetEntry]) -> Decision:
    """May this entry stand beside those held, or in place of the one of its own id?

    In the zone a table is known by its name alone, and approvals rest on the controller and the kinds that were shown:
    no table of another dataset, no other controller, no other kind of a column.
    """
    for one in held:
        if one.id != entry.id and (shared := sorted(set(one.tables) & set(entry.tables))):
            return Refused(
                "dataset.table_taken",
                f"The dataset {one.id} holds a table of this name: {', '.join(shared)}.",
                "Give the table another name in the contract.",
            )
        if one.id == entry.id and one.controller != entry.controller:
            return Refused(
                "dataset.other_controller",
                f"The dataset {one.id} is {one.controller}'s, not {entry.controller}'s.",
                "Give the dataset of another controller a name of its own.",
            )
        if one.id == entry.id and (changed := _other_kinds(one, entry)):
            return Refused(
                "dataset.other_kind",
                f"In the dataset {one.id} these columns are of another kind: {', '.join(changed)}.",
                "Give the changed columns new names in a contract of a higher version, or the dataset a new name.",
            )
    return Allowed()


def _other_kinds(one: DatasetEntry, other: DatasetEntry) -> list[str]:
    return [
        f"{table}.{column}"
        for table, columns in sorted(one.tables.items())
        for column, kind in sorted(columns.items())
        if other.tables.get(table, {}).get(column, kind) != kind
    ]


def may_ingest(
    entry: DatasetEntry | None,
    controller: Organisation | None,
    agreements: Sequence[Agreement],
    *,
    ourselves: Organisation | None,
    authoriser_in_office: bool,
    asked: Sequence[Decision],
    supported: Decision,
    real_data: bool,
    today: date,
) -> Decision:
    """May a delivery of this dataset come in? No notice, no ingest; with real data, no agreement, no ingest.

    ourselves: the organisation that runs the haven. asked: what other subjects answer, of whatever data (retention,
    named identifiers). supported: does a support under section 251 name a flow of it? It must where the agreements know
    no other legal basis.
    """
    if entry is None:
        return Refused("dataset.unknown", "The haven holds no such dataset.", "Install its contract first.")
    if not entry.notice.startswith("https://"):
        return Refused(
            "dataset.no_notice",
            f"{entry.id} has no fair-processing notice that people can read.",
            "Its contract names the notice's address (fair_processing_notice, https).",
        )
    refused = next((one for one in asked if not one), None)
    if refused is not None:
        return refused
    if not real_data:
        return Allowed()
    taking_part = may_take_part(ourselves, today) and may_take_part(controller, today)
    if not taking_part:
        return taking_part
    mine = [one for one in agreements if one.discloser == entry.controller and entry.id in one.datasets]
    if not mine:
        return Refused(
            "agreement.missing",
            f"No data sharing agreement with {entry.controller} that covers {entry.id} is in force today.",
            "A governance lead registers the signed agreement: haven agreement add FILE.",
        )
    if not authoriser_in_office:
        return no_authoriser()
    return supported if all(set(one.legal_bases) == {"section-251"} for one in mine) else Allowed()


def no_authoriser() -> Refused:
    """Nobody answers for anonymisation today."""
    return Refused(
        "authoriser.none",
        "Nobody is appointed today to answer for anonymisation.",
        "A governance lead appoints somebody: haven authoriser appoint PERSON --until DATE.",
    )


def _until(sanction: Sanction) -> str:
    return f"until {sanction.until}" if sanction.until else "for good"
