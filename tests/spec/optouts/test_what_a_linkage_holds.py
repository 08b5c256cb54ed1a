"""The rule book of opt-outs after a linkage: who is found to be somebody who opted out is read no more from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from access.decisions import Refused
from access.optouts.model import ObjectionTarget, OptOutCase
from audit.events import EventName
from audit.model import organisation
from infra.published import held_projects, scopes_of
from linkage.errors import LinkageError
from linkage.matching.service import Linker
from tests.fakes.deliveries import nhs_number
from tests.fakes.optouts import BY, COLUMNS, TABLES, OptOutHaven, names, one
from tests.fakes.refusals import refused

ADA, BEN, EVE = (nhs_number(n) for n in (1, 2, 5))
GP, HOSPITAL = organisation("gp"), organisation("hospital")


@pytest.fixture
def haven(tmp_path: Path) -> Iterator[OptOutHaven]:
    """Ada and Ben at the GP, Ada and Eve at the hospital; a live project over both, published without who opted out."""
    haven = OptOutHaven(tmp_path)
    _deliver(haven, "gp", [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")])
    haven.clock_on()
    _deliver(haven, "hospital", [one("ha", ADA, "Ada", admidate="2026-01-01"), one("he", EVE, "Eve")])
    haven.bench.linker.link(by=BY)
    haven.live()
    yield haven
    haven.close()


def _deliver(haven: OptOutHaven, dataset: str, rows: list[object], *, supersedes: str | None = None) -> str:
    return haven.bench.deliver(dataset, TABLES[dataset], rows, COLUMNS[dataset], supersedes=supersedes)  # type: ignore[arg-type]


def _correct(haven: OptOutHaven) -> None:
    """The hospital corrects whose its second record is: Ben's. Nobody is linked by that yet."""
    haven.clock_on()
    before = haven.bench.newest("hospital")
    rows = [one("ha", ADA, "Ada", admidate="2026-01-01"), one("he", BEN, "Ben")]
    _deliver(haven, "hospital", rows, supersedes=before)  # type: ignore[arg-type]


def _as_wired(haven: OptOutHaven) -> Any:
    """What the gateway and the flows see of it."""
    settings = SimpleNamespace(scopes_folder=haven.home / "scopes")
    return SimpleNamespace(
        settings=settings, access=haven.access, records=haven.records, keyring=haven.bench.keyring,
        disclosures=haven.disclosures,
    )  # fmt: skip


def _standing(haven: OptOutHaven) -> str:
    """Whether queries may use the file; what they may not is what the flow `link` publishes anew."""
    found, held = scopes_of(_as_wired(haven)).current("admissions"), held_projects(_as_wired(haven))
    assert held == (["admissions"] if isinstance(found, Refused) else [])
    return found.code if isinstance(found, Refused) else "in use"


def _exempt(haven: OptOutHaven) -> None:
    for dataset, by in (("gp", GP), ("hospital", HOSPITAL)):
        for recipient in ("haven", "university"):
            haven.optouts.decide("admissions", dataset, recipient, OptOutCase.SECTION_251, "21/CAG/0123", by=by)


def _by_the_list(haven: OptOutHaven) -> None:
    haven.refresh([BEN])


def _by_an_objection(haven: OptOutHaven) -> None:
    _exempt(haven)
    haven.name_objector(BEN, "o1")
    haven.optouts.record_objection("o1", ObjectionTarget("project", "admissions"), "Not with my record", by=GP)


@pytest.mark.parametrize("opts_out", [_by_the_list, _by_an_objection])
def test_who_is_found_to_have_opted_out_is_read_no_more(
    haven: OptOutHaven, opts_out: Callable[[OptOutHaven], None]
) -> None:
    """Eve's row turns out to be Ben's: from the linkage on the file is refused, and the next one is without it."""
    opts_out(haven)
    haven.publish()
    assert haven.codes() == {"gp_events": ["a"], "hospital_episodes": ["2026-01-01", "2026-02-01"]}
    _correct(haven)
    assert _standing(haven) == "in use"
    haven.bench.linker.link(by=BY)
    assert _standing(haven) == "optouts.outdated"
    haven.publish()
    assert _standing(haven) == "in use"
    assert haven.codes() == {"gp_events": ["a"], "hospital_episodes": ["2026-01-01"]}


def _numberless_stay(haven: OptOutHaven) -> None:
    _by_the_list(haven)
    for dataset, by in (("gp", GP), ("hospital", HOSPITAL)):
        for recipient in ("haven", "university"):
            haven.optouts.decide("admissions", dataset, recipient, OptOutCase.NUMBER_MISSING, "few", by=by)


@pytest.mark.parametrize("opts_out", [_numberless_stay, _by_an_objection])
def test_nothing_is_published_between_a_superseding_delivery_and_the_next_linkage(
    haven: OptOutHaven, opts_out: Callable[[OptOutHaven], None]
) -> None:
    """Ben's number went with the GP's old delivery, and what was linked by it stands: the narrower file goes on."""
    opts_out(haven)
    haven.publish()
    assert haven.codes()["gp_events"] == ["a"]
    haven.clock_on()
    rows = [one("a", ADA, "Ada", code="a"), one("b", BEN, "Ben", code="b")]
    _deliver(haven, "gp", rows, supersedes=haven.bench.newest("gp"))  # type: ignore[arg-type]
    assert refused(haven.publish) == "optouts.linkage_due"
    assert names(haven)[-1] is EventName.SCOPE_PUBLISH_REFUSED
    assert (_standing(haven), haven.codes()["gp_events"]) == ("in use", ["a"])
    haven.bench.linker.link(by=BY)
    haven.publish()
    assert haven.codes()["gp_events"] == ["a"]


def test_a_destruction_widens_no_file_of_another_dataset(haven: OptOutHaven) -> None:
    """Only the GP told Ben's number: once that is destroyed, whose the hospital's row is follows with the linkage."""
    haven.clock_on()
    rows = [one("ha", ADA, "Ada", diag_4_01="ha"), one("hb", None, "Ben", diag_4_01="hb")]
    _deliver(haven, "hospital", rows, supersedes=haven.bench.newest("hospital"))  # type: ignore[arg-type]
    haven.bench.linker.link(by=BY)
    only = {"hospital": {"tables": {"hospital_episodes": {"columns": {"diag_4_01": "who it is"}}}}}
    haven.live("other", datasets=only, legal_basis="synthetic-data")
    haven.name_objector(BEN, "o1")
    haven.optouts.record_objection("o1", ObjectionTarget("project", "other"), "Not with my record", by=HOSPITAL)
    haven.publish("other")
    assert haven.codes("other") == {"hospital_episodes": ["ha"]}
    haven.clock_on()
    haven.bench.destroy(haven.bench.newest("gp"))
    assert refused(lambda: haven.publish("other")) == "optouts.linkage_due"
    assert haven.codes("other") == {"hospital_episodes": ["ha"]}


def test_a_linkage_that_links_nothing_holds_nothing(haven: OptOutHaven) -> None:
    """Everything was linked already: the file goes on being used."""
    haven.refresh([BEN])
    haven.publish()
    assert haven.bench.linker.link(by=BY).nothing_new
    assert _standing(haven) == "in use"


def test_where_nothing_is_heeded_a_linkage_holds_nothing(haven: OptOutHaven) -> None:
    """A project that is exempt, and to which nobody objects, goes on with its file until its data team publishes."""
    _exempt(haven)
    haven.publish()
    _correct(haven)
    haven.bench.linker.link(by=BY)
    assert _standing(haven) == "in use"


@pytest.mark.parametrize("place", ["_link_records", "_move_payload", "_measured"])
@pytest.mark.parametrize("killed", [True, False])
def test_a_linkage_that_dies_holds_until_one_ends(
    haven: OptOutHaven, place: str, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it died, also without a word, and whatever is published meanwhile: then the next one, and publishing."""
    haven.refresh([BEN])
    haven.publish()
    _correct(haven)
    real = getattr(Linker, place)

    def dies_after(self: Linker, *arguments: object) -> None:
        assert _standing(haven) == "optouts.being_linked"
        real(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Linker, place, dies_after)
        if killed:
            patched.setattr(Linker, "_failed", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            haven.bench.linker.link(by=BY)
    assert _standing(haven) == "optouts.being_linked"
    if place == "_link_records":
        with pytest.raises(LinkageError):
            haven.publish()
    else:
        haven.publish()
    assert _standing(haven) == "optouts.being_linked"
    haven.bench.linker.link(by=BY)
    assert _standing(haven) == "optouts.outdated"
    haven.publish()
    assert (_standing(haven), haven.codes()["hospital_episodes"]) == ("in use", ["2026-01-01"])


@pytest.mark.parametrize("killed", [True, False])
def test_a_linkage_that_failed_before_it_changed_anything_lets_go(
    haven: OptOutHaven, killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zone says that no link changed. Of one that was killed nobody asked: the file stays held until one ends."""
    haven.refresh([BEN])
    haven.publish()
    _correct(haven)

    def fails(*_: object) -> None:
        raise LinkageError("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(Linker, "_link_records", fails)
        if killed:
            patched.setattr(Linker, "_failed", lambda *_: None)
        with pytest.raises(LinkageError):
            haven.bench.linker.link(by=BY)
    assert _standing(haven) == ("optouts.being_linked" if killed else "in use")
    assert (names(haven)[-1] is EventName.LINKAGE_FAILED) is not killed
    haven.bench.linker.link(by=BY)
    assert _standing(haven) == "optouts.outdated"


def test_what_a_killed_run_holds_is_let_go_also_where_what_it_ran_for_is_gone(
    haven: OptOutHaven, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before it changed a link, and its delivery destroyed since: nothing is new, and it is run all the same."""
    haven.refresh([BEN])
    haven.publish()
    haven.clock_on()
    came = _deliver(haven, "gp", [one("e", EVE, "Eve", code="e")])
    with monkeypatch.context() as patched:
        patched.setattr(Linker, "_link_records", _killed)
        patched.setattr(Linker, "_failed", lambda *_: None)
        with pytest.raises(KeyboardInterrupt):
            haven.bench.linker.link(by=BY)
    scope, build = haven.access.live_scope("admissions"), haven.disclosures.certificates("admissions")[0].subject
    haven.bench.destroy(came)
    told = haven.disclosures.may_still_be_used(scope, build)
    assert isinstance(told, Refused)
    assert f"since {haven.clock.now():%Y-%m-%d %H:%M}" in told.reason
    assert "or was killed" in told.reason
    assert not haven.bench.linker.link(by=BY).nothing_new
    assert haven.bench.linker.link(by=BY).nothing_new
    told = haven.disclosures.may_still_be_used(scope, build)
    assert isinstance(told, Refused)
    assert told.code == "optouts.outdated"


def _killed(*_: object) -> None:
    raise KeyboardInterrupt
