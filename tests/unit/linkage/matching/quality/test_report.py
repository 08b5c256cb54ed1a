"""The report of a run: what may leave is marked, small numbers stand nowhere, and the statement holds no more."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from linkage.matching.ladder import ON_EVERY_STEP
from linkage.matching.quality.implausible import Sign
from linkage.matching.quality.measured import Measured, Section, WeightCounts
from linkage.matching.quality.rates import MatchRate
from linkage.matching.quality.report import sections_of, write_report
from linkage.matching.quality.statement import statement
from linkage.matching.quality.trials import StepOutcome, Trial

SMALL = 7
MEASURED = Measured(
    "00000000-0000-4000-8000-000000000001",
    datetime(2026, 3, 1, 9, tzinfo=UTC),
    "f" * 64,
    {
        "steps": [["gp", 0, 40_007], ["gp", 1, 61_003], ["hospital", 1, 61_002], ["hospital", 16, SMALL]],
        "flags": [["gp", "no_match", 40_001], ["hospital", "clerical_review", SMALL]],
        "people": 61_013,
    },
    [
        MatchRate("hospital_episodes", "all rows", "all", 61_009, 50_002),
        MatchRate("hospital_episodes", "ethnic category", "N African", SMALL, 3),
        MatchRate("hospital_episodes", "ethnic category", "R Chinese", 903, 3),
        MatchRate("hospital_episodes", "provider", "RX1", 61_009, 50_002),
    ],
    Trial(4_001, 3_703, SMALL, (StepOutcome(8, 3_703, SMALL),), (("gp", 4_001, 3_703),)),
    Trial(4_003, 0, 0, ()),
    [Sign("people with two sexes recorded", 61_001, SMALL)],
    WeightCounts({9: SMALL}, {5: 41}),
    apart_elsewhere=[(1, 50_003, SMALL)],
)


def test_what_may_leave_is_marked() -> None:
    """Each section says it; rates of single organisations and what helps to undo linkage stay."""
    may = {one.key: one.may_leave for one in sections_of(MEASURED)}
    assert {key for key, leaves in may.items() if not leaves} == {
        "thresholds",
        "match_rates_of_hospital_episodes_by_organisation",
    }


def test_no_exact_count_stands_anywhere(tmp_path: Path) -> None:
    """Page, data and statement hold no raw count: small ones are hidden, large ones rounded."""
    paths = write_report(tmp_path, MEASURED)
    raw = [40_007, 61_003, 61_002, 40_001, 61_013, 61_009, 50_002, 4_001, 3_703, 4_003, 61_001, 903]
    for path in paths:
        text = path.read_text(encoding="utf-8").replace(MEASURED.run, "").replace(",", "")
        assert not [number for number in raw if str(number) in text], path
    data = json.loads(paths[1].read_text(encoding="utf-8"))
    assert data["sections"]["not_joined_because"]["rows"][1] == ["hospital", "clerical_review", "fewer than 10"]
    rates = data["sections"]["match_rates_of_hospital_episodes"]["rows"]
    assert rates[1][2:] == ["fewer than 10", "hidden"]
    assert rates[2][3].startswith("under ")


def test_what_too_many_share_to_be_weighed_by_is_told_in_words() -> None:
    """By agreement and over all, suppressed; no section where nothing was left out."""
    crowded = {"keys": [["p g", SMALL, 612], ["b fs", 41, 9_003]], "values": 48, "records": 9_104, "with_nobody": 403}
    told = replace(MEASURED, counts={**MEASURED.counts, "crowded": crowded})
    (section,) = [one for one in sections_of(told) if one.key == "too_common"]
    assert section.rows == [
        ["postcode, forename", "fewer than 10", "610"],
        ["date of birth, surname's sound", "40", "9,005"],
        ["all of them, each record once", "50", "9,105"],
        ["of those weighed with nobody", "", "405"],
    ]
    assert "Values too common to weigh by" in statement(told, [one for one in sections_of(told) if one.may_leave])
    for none in ({}, {"crowded": {}}):
        kept = replace(MEASURED, counts={**MEASURED.counts, **none})
        assert "too_common" not in {one.key for one in sections_of(kept)}


def test_steps_of_the_number_are_tried_by_what_they_did_not_ask() -> None:
    """The share is of those of whom that is known, and tells no exact number of those that disagree."""
    (section,) = [one for one in sections_of(MEASURED) if one.key == "precision_by_what_was_not_asked"]
    (row,) = section.rows
    assert row == [
        "1",
        "NHS number, date of birth, sex, postcode",
        "50,005",
        row[3],
        "forename, or its beginning and the surname",
    ]
    assert row[3].startswith("over 99.9")


def test_the_statement_is_in_the_order_of_guild_and_names_record(tmp_path: Path) -> None:
    """Provision, linkage, quality, who is linked less often, limits; and what stays within is not in it."""
    text = write_report(tmp_path, MEASURED)[2].read_text(encoding="utf-8")
    first, *heads = [line for line in text.splitlines() if line.startswith("## ")]
    assert first == "## At a glance"
    assert [head[3] for head in heads] == ["1", "2", "3", "4", "5"]
    assert [head.count("GUILD") for head in heads] == [1] * 5
    for item in ("1.3", "6.3", "12.1", "12.2", "12.3", "13.1", "19.1"):
        assert f"{item}" in " ".join(heads)
    assert "RX1" not in text
    assert "another weight" not in text


def test_the_statement_tells_of_mode_b_and_of_the_guards_as_they_are() -> None:
    """Rows that came as tokens are provided and linked too; a contested number is not passed over."""
    sealed = {"steps": [["deaths", 0, 410], ["deaths", 5, 2_003]], "flags": [["deaths", "no_match", 410]]}
    told = replace(MEASURED, counts={**MEASURED.counts, "sealed": sealed})
    text = statement(told, [one for one in sections_of(told) if one.may_leave])
    assert "- deaths: 2,415 rows that came as keyed tokens, without identifiers" in text
    assert "Rows in mode B by the key that joined them" in text
    assert "Rows in mode B left alone" in text
    assert all(guard in text for guard in ON_EVERY_STEP)
    assert "joined from weight 8 on" in text
    assert "keyed tokens, without" not in statement(MEASURED, [])


def test_a_section_that_stays_cannot_come_into_a_statement() -> None:
    """Whoever passes one in by mistake gets an error, not a leak."""
    staying = Section("thresholds", "t", False, ("a",), [["1"]], "")
    with pytest.raises(ValueError, match="thresholds"):
        statement(MEASURED, [staying])


def test_without_a_model_it_says_so() -> None:
    """Linked by the ladder alone, page and statement do not speak of a model that was not used."""
    from dataclasses import replace

    alone = replace(MEASURED, model=None)
    keys = [one.key for one in sections_of(alone)]
    assert "thresholds" not in keys
    assert "No model was approved" in statement(alone, [])
