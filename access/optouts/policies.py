"""Do opt-outs apply to this flow, who decides it, and may this be disclosed? The rule as a table, and pure questions.

Rule: the national data opt-out policy. The default is that they apply; each "no" needs its evidence, and where that is
missing they apply. Local objections: Caldicott review, recommendation 11 (current and future disclosures alike).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from datetime import date, datetime, timedelta

from access.decisions import Allowed, Decision, Refused
from access.optouts.model import (
    Cut,
    DataFlow,
    FlowDecision,
    FlowStanding,
    ListState,
    Objection,
    ObjectionState,
    OptOutCase,
    OptOutList,
    OptOutRule,
)
from access.people.model import Person, Role
from access.people.policies import may_act
from access.projects.model import ProjectVersion
from access.projects.policies import may_decide_for
from access.support.model import Regulation, Support

C = OptOutCase
CAG_REFERENCE = r"\d{2}/CAG/\d{4}|(CAG|ECC) \d-\d{2}\([a-h]\)/\d{4}"
RULES: dict[OptOutCase, OptOutRule] = {
    rule.case: rule
    for rule in (
        OptOutRule(
            C.SECTION_251,
            "section 251 support (regulation 2 or 5)",
            "the reference of the CAG letter or minutes that expressly exempt it",
            CAG_REFERENCE,
        ),
        OptOutRule(C.INDIVIDUAL_CARE, "individual care", "where it is written that this is the person's own care"),
        OptOutRule(C.EXPLICIT_CONSENT, "explicit consent for this use", "the consent form's version and where it lies"),
        OptOutRule(
            C.ANONYMISED,
            "anonymised in line with the ICO code before it was disclosed to us",
            "the discloser's assessment",
        ),
        OptOutRule(C.REQUIRED_BY_LAW, "required by law or court order", "the act and section, or the order"),
        OptOutRule(C.PUBLIC_INTEREST, "overriding public interest", "the documented test"),
        OptOutRule(
            C.PUBLIC_HEALTH,
            "communicable disease and other risks to public health (regulation 3)",
            "the notice or the basis under regulation 3",
        ),
        OptOutRule(
            C.OFFICIAL_STATISTICS,
            "official statistics of the national statistics office",
            "the office's request and its power",
        ),
        OptOutRule(
            C.DISEASE_REGISTERS,
            "cancer register; congenital anomaly and rare disease register",
            "the register's agreement",
        ),
        OptOutRule(
            C.NAMED_PAYMENTS,
            "named payment cases (non-contracted invoice validation, prescription charges)",
            "which of the named cases, and its agreement",
        ),
        OptOutRule(
            C.NUMBER_MISSING,
            "NHS number missing and disproportionate to trace",
            "the reason why tracing would be disproportionate",
            numberless=True,
        ),
    )
}
CLAIMS: dict[str, frozenset[OptOutCase]] = {
    "section-251": frozenset({C.SECTION_251, C.PUBLIC_HEALTH}),
    "explicit-consent": frozenset({C.EXPLICIT_CONSENT}),
    "anonymised-before-disclosure": frozenset({C.ANONYMISED}),
    "public-health-risk": frozenset({C.PUBLIC_HEALTH}),
    "legal-duty": frozenset(
        {C.REQUIRED_BY_LAW, C.PUBLIC_INTEREST, C.OFFICIAL_STATISTICS, C.DISEASE_REGISTERS, C.NAMED_PAYMENTS}
        | {C.INDIVIDUAL_CARE, C.PUBLIC_HEALTH}
    ),
}
"""The cases that a project's legal basis can claim, besides a missing number; of any other basis: none."""
NOBODY_REAL = "synthetic-data"
"""This basis concerns no person, so no confidential information; believed only where the haven can hold nobody real."""
HEEDED = frozenset({ObjectionState.OPEN, ObjectionState.UPHELD})


def exempts(case: OptOutCase, evidence: str | None) -> bool:
    """Is this evidence what the case needs? Without it opt-outs apply."""
    return bool(evidence) and re.fullmatch(RULES[case].form, (evidence or "").strip(), re.DOTALL) is not None


def standing_of(
    flow: DataFlow,
    legal_basis: str | None,
    decisions: Iterable[FlowDecision],
    *,
    support: Support | None = None,
    real_data: bool,
) -> FlowStanding:
    """Do opt-outs apply to this flow? By default they do. decisions: in order; the last of each kind counts.

    support: what the project rests on now; an exemption that its letter gave ends with the letter.
    """
    if legal_basis == NOBODY_REAL and not real_data:
        return FlowStanding(flow, applies=False, numberless=False, decisions=())
    own = [one for one in decisions if one.flow == flow]
    whole = [one for one in own if not RULES[one.case].numberless][-1:]
    missing = [one for one in own if RULES[one.case].numberless][-1:]
    exempt = [
        one
        for one in whole
        if may_claim(one.case, legal_basis)
        and exempts(one.case, one.evidence)
        and is_in_the_letter(one.case, one.evidence, legal_basis, support)
    ]
    traced = [one for one in missing if exempts(one.case, one.evidence)]
    used = tuple(one.id for one in (*whole, *missing))
    return FlowStanding(flow, applies=not exempt, numberless=not traced, decisions=used)


def may_claim(case: OptOutCase, legal_basis: str | None) -> Decision:
    """Can a project on this legal basis fall under this case?"""
    if RULES[case].numberless or case in CLAIMS.get(legal_basis or "", frozenset()):
        return Allowed()
    return Refused(
        "optouts.other_basis",
        f"The project's legal basis does not support the case '{case}'.",
        "Amend the project's legal basis, or name the case that it supports.",
    )


def is_in_the_letter(
    case: OptOutCase, evidence: str | None, legal_basis: str | None, support: Support | None
) -> Decision:
    """Does the support that the project rests on say so? An exemption is the letter's, never a decider's own."""
    if legal_basis != "section-251" or RULES[case].numberless:
        return Allowed()
    if case is C.PUBLIC_HEALTH and (support is None or support.regulation is not Regulation.PUBLIC_HEALTH):
        return Refused(
            "optouts.other_regulation",
            "The project's support is not given under regulation 3, so it is no case of risks to public health.",
            "Opt-outs apply; or register the support that is, and amend the project to rest on it.",
        )
    if case is C.SECTION_251 and not _exempted_by(support, (evidence or "").strip()):
        return Refused(
            "optouts.not_exempted",
            "The support that the project rests on holds no such exemption from the national data opt-out.",
            "Opt-outs apply. Where its letter or minutes do exempt it, a governance lead registers the support with "
            "them under opt_out_exemption (haven support add FILE); the evidence is that reference.",
        )
    return Allowed()


def _exempted_by(support: Support | None, evidence: str) -> bool:
    exemption = support.opt_out_exemption if support is not None else None
    return bool(support and exemption and evidence and (evidence == support.reference or evidence in exemption))


def may_decide_flow(
    controller: str, project: ProjectVersion | None, by: str, delegate: Person | None, today: date
) -> Decision:
    """May this actor decide on the flow of this controller's dataset? The controller's account, or its delegate."""
    kind, _, name = by.partition(":")
    if kind == "organisation" and name == controller:
        return may_decide_for(controller, project, None, today)
    if kind == "person" and delegate is not None:
        return may_decide_for(controller, project, delegate, today)
    return Refused("optouts.not_controller", f"Only {controller} decides on its own data.", "Its delegate decides.")


def is_new(found: Objection | None) -> Decision:
    """Is this not recorded yet? What was recorded and answered is never written over."""
    if found is None:
        return Allowed()
    return Refused(
        "optouts.recorded_already",
        "This objection to this use is recorded already.",
        "Answer it; a new letter is recorded under a new id.",
    )


def may_record_objection(person: Person | None, by: str, organisations: Iterable[str], today: date) -> Decision:
    """May this actor record that somebody objects, or takes an objection back? Those who take such letters."""
    kind, _, name = by.partition(":")
    if kind == "organisation" and name in set(organisations):
        return Allowed()
    acting = may_act(person, today)
    if not acting or person is None:
        return acting
    if person.roles & {Role.ADMINISTRATOR, Role.DATA_ENGINEER, Role.CONTROLLER_DELEGATE, Role.LINKAGE_REVIEWER}:
        return Allowed()
    return Refused(
        "optouts.may_not_record",
        "This person does not record objections.",
        "A controller's delegate, a linkage reviewer, a data engineer or an administrator does.",
    )


def may_answer(
    objection: Objection | None,
    controllers: Iterable[str],
    person: Person | None,
    by: str,
    today: date,
    *,
    inside: Container[str] = frozenset(),
) -> Decision:
    """May this actor answer? A controller concerned, by its account or its delegate; an answer may be thought over.

    inside: who gains, being or having been of the project that the objection is to, or of one over the data of the
    controller that it is to that is or may become live; here and below they decide nothing about it.
    """
    if not (open_still := _may_change(objection)):
        return open_still
    kind, _, name = by.partition(":")
    concerned = set(controllers)
    if kind == "organisation" and name in concerned:
        return Allowed()
    acting = may_act(person, today)
    if not acting or person is None:
        return acting
    if Role.CONTROLLER_DELEGATE in person.roles and person.organisation in concerned:
        return _outside(person, inside)
    return Refused(
        "optouts.not_controller", "Only a controller whose data it concerns answers.", "Its delegate answers."
    )


def may_take_back(
    objection: Objection | None,
    controllers: Iterable[str],
    person: Person | None,
    by: str,
    today: date,
    *,
    inside: Container[str] = frozenset(),
) -> Decision:
    """May this actor write down that the person took the objection back? It ends it: none who gains by that does.

    A controller concerned, or a person who takes such letters (may_record_objection) and is not inside.
    """
    if not (open_still := _may_change(objection)):
        return open_still
    taking = may_record_objection(person, by, controllers, today)
    return _outside(person, inside) if taking and person is not None else taking


def _may_change(objection: Objection | None) -> Decision:
    if objection is None:
        return Refused("optouts.no_objection", "There is no such objection.", "`haven optout objections` lists them.")
    if objection.state is ObjectionState.WITHDRAWN:
        return Refused("optouts.withdrawn", "The objection was taken back.", "A new one is recorded anew.")
    return Allowed()


def _outside(person: Person, inside: Container[str]) -> Decision:
    if person.id not in inside:
        return Allowed()
    return Refused(
        "optouts.own_project", "Nobody decides on an objection to their own project.", "Somebody outside it does."
    )


def may_use(ended: OptOutList | None, using: OptOutList | None, longest: timedelta | None, now: datetime) -> Decision:
    """Is there a list that may be used now? ended: the last asking that is over; using: the last that was answered.

    An asking under way is neither: asking again lifts no block, an answer does.
    """
    if longest is None:
        return Refused(
            "optouts.no_age_limit",
            "Opt-outs apply to this project, and how old the list of them may be is not set.",
            "Decide it, and set longest_age_days under [optouts] in haven.toml: there is no default.",
        )
    if ended is not None and ended.state is ListState.FAILED:
        return Refused(
            "optouts.list_failed",
            f"Opt-outs apply to this project, and the last asking for them failed. {ended.sentence or ''}".strip(),
            "Mend the cause and ask again: haven optout refresh --wait",
        )
    if using is None:
        return Refused(
            "optouts.no_list",
            "Opt-outs apply to this project, and no list of them is here.",
            "The data team runs: haven optout refresh --wait",
        )
    return may_be_this_old(using, longest, now)


def may_be_this_old(using: OptOutList, longest: timedelta, now: datetime) -> Decision:
    """Is this list young enough?"""
    if now - using.as_at <= longest:
        return Allowed()
    return Refused(
        "optouts.list_too_old",
        "Opt-outs apply to this project, and the list of them is older than it may be.",
        "The data team runs: haven optout refresh --wait; then publishes again.",
    )


def may_give(cuts: Sequence[Cut], earlier: Iterable[tuple[str, str, datetime, Cut]]) -> Decision:
    """May a recipient have this, after what it was given? Never the same with opt-outs applied and without.

    earlier: certificate, project, time and cut of each disclosure before.
    """
    for certificate, project, at, before in earlier:
        for cut in cuts:
            if cut.overlaps(before) and cut.applied != before.applied:
                return Refused(
                    "optouts.with_and_without",
                    f"{cut.recipient} was given {cut.dataset} of the same days "
                    f"{'with' if before.applied else 'without'} opt-outs applied: who opted out could be told by"
                    f" subtraction. Earlier disclosure: {certificate} of {at:%Y-%m-%d}, project {project}.",
                    "Ask for other days, or for the same treatment of opt-outs as before.",
                )
    return Allowed()
