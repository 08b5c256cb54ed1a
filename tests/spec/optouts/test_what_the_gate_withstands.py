"""The rule book of opt-outs, what gets round the gate: not asking again, not a second at the same moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from access.decisions import Refused
from access.optouts.model import OptOutCase
from access.optouts.store import OptOutCertificateRow
from access.projects.scope import Scope
from audit.events import EventName
from audit.model import organisation
from linkage.optouts.errors import ListFailed
from linkage.separation.here import InThisProcess
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, OptOutHaven, names, one
from tests.fakes.refusals import refused

ADA, BEN = nhs_number(1), nhs_number(2)


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Two people at the GP, one of them in hospital too; no project yet."""
    haven = OptOutHaven(tmp_path)
    gp = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    haven.people({"gp": gp, "hospital": [one("h", BEN, "Ben")]})
    yield haven
    haven.close()


def test_asking_again_lifts_no_block_an_answer_does(haven: OptOutHaven) -> None:
    """After a failed asking nothing is built while the next is under way, and something is when it was answered."""
    haven.live()
    haven.refresh([ADA])
    with pytest.raises(ListFailed):
        haven.refresh([ADA, BEN])
    assert refused(haven.publish) == "optouts.list_failed"
    haven.mesh.answers = False
    haven.clock_on()
    assert not haven.lists.refresh(by=BY, wait=False).done
    assert refused(haven.publish) == "optouts.list_failed"
    haven.clock.at += haven.mesh.patience
    haven.clock_on()
    with pytest.raises(ListFailed):
        haven.lists.refresh(by=BY, wait=False)
    haven.mesh.answers = True
    haven.refresh([ADA])
    haven.publish()
    assert haven.codes()["gp_events"] == ["b"]


def _by_consent(haven: OptOutHaven, name: str, **changes: object) -> None:
    """A live project to which opt-outs do not apply: every flow is of people who consented."""
    haven.live(name, legal_basis="explicit-consent", support=None, **changes)
    for dataset in ("gp", "hospital"):
        for recipient in ("haven", "university"):
            haven.optouts.decide(
                name, dataset, recipient, OptOutCase.EXPLICIT_CONSENT, "Form 2", by=organisation(dataset)
            )


def test_no_recipient_gets_both_cuts_by_publishing_both_at_once(
    haven: OptOutHaven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With opt-outs and without, built at the same moment: the one that ends second is refused, and no file stays."""
    haven.live("with")
    _by_consent(haven, "without")
    haven.refresh([ADA])
    run, begun = InThisProcess.run, []

    def another_meanwhile(runner: InThisProcess, verb: str, *args: object, **options: object) -> object:
        if verb == "scope.build" and not begun:
            begun.append(verb)
            haven.publish("without")
        return run(runner, verb, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(InThisProcess, "run", another_meanwhile)
    assert refused(lambda: haven.publish("with")) == "optouts.with_and_without"
    assert names(haven)[-1] is EventName.SCOPE_PUBLISH_REFUSED
    assert haven.codes("without")["gp_events"] == ["a", "b"]
    assert [one.plan.project for one in haven.disclosures.certificates()] == ["without"]
    assert list((haven.home / "scopes" / "with").iterdir()) == []


ADMITTED = {"hospital": {"tables": {"hospital_episodes": {"columns": {"admidate": "the outcome"}, "dates": "day",
            "period": {"column": "admidate", "from": "2026-02-01", "to": "2026-02-28"}}}}}  # fmt: skip


def _later_by(scope: Scope, column: str) -> Scope:
    """The same table of the year after, cut by this column."""
    (table,) = scope.tables
    later = (date(2027, 1, 1), date(2027, 12, 31))
    return replace(scope, tables=(replace(table, date_column=column, period=later),))


def test_days_by_another_date_are_no_other_days(haven: OptOutHaven) -> None:
    """Admitted in one year, left in the next: both cuts hold the stay, so the days of two dates are not compared."""
    haven.live("with", datasets=ADMITTED)
    haven.refresh([ADA])
    haven.publish("with")
    _by_consent(haven, "without")
    scope = replace(haven.access.live_scope("with"), project="without")

    def asked(column: str) -> str:
        plan = haven.disclosures.plan(_later_by(scope, column))
        assert not plan.applies
        found = haven.disclosures.may_disclose(plan)
        return found.code if isinstance(found, Refused) else "given"

    assert [asked("admidate"), asked("disdate")] == ["given", "optouts.with_and_without"]
    with haven.records.change(by=BY) as change:
        for row in change.session.query(OptOutCertificateRow):
            row.cuts = [{key: value for key, value in cut.items() if key != "column"} for cut in row.cuts]
        change.record(EventName.OPTOUT_CERTIFIED)
    assert asked("admidate") == "optouts.with_and_without"
