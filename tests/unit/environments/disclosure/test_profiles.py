"""Whose rules apply: profiles load, unknown keys are errors, the strictest of several names its causes."""

from __future__ import annotations

from pathlib import Path

import pytest

from access.documents import DocumentError, load_document
from environments.disclosure.errors import UnknownProfile
from environments.disclosure.profile import (
    PROFILES_FOLDER,
    AmountRules,
    CountRules,
    Profile,
    all_profiles,
    criteria,
    strictest,
)

# rules/disclosure.md, the table of owners: fewest people shown, zero, base
OWNERS = {
    "nhs_england_sde": (10, "shown", 5),
    "hes": (8, "shown", 5),
    "opensafely": (8, "shown", 5),
    "uk_llc": (10, "hidden", None),
    "ons": (10, "hidden", 5),
    "sensitive_health": (5, "structural", 5),
    "isb_1523_weak": (3, "shown", None),
    "isb_1523_strong": (5, "shown", None),
    "acro_default": (10, "hidden", None),
}


def test_every_owner_of_the_table_has_a_profile() -> None:
    """Each row of the table is a versioned file with its threshold, its zero and its base."""
    found = {
        name: (one.counts.smallest_shown, one.counts.zero, one.counts.base) for name, one in all_profiles().items()
    }
    assert found == OWNERS


@pytest.mark.parametrize("path", sorted(PROFILES_FOLDER.glob("*.yaml")), ids=lambda path: path.stem)
def test_a_profile_is_commented_and_named_as_its_file(path: Path) -> None:
    """Risk appetite is data addressed to a person: comments say why."""
    assert load_document(path, Profile).id == path.stem
    assert path.read_text(encoding="utf-8").count("#") >= 4


def test_an_unknown_key_is_an_error_with_its_line(tmp_path: Path) -> None:
    """A misspelt rule is never ignored."""
    text = (PROFILES_FOLDER / "hes.yaml").read_text(encoding="utf-8") + "  smalest_shown: 3\n"
    path = tmp_path / "hes.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError, match=r"line \d+: unknown key 'amounts.smalest_shown'"):
        load_document(path, Profile)


def test_an_unknown_name_is_an_error() -> None:
    """Never a default profile."""
    with pytest.raises(UnknownProfile, match="Use one of"):
        criteria("hes+nobody")
    with pytest.raises(UnknownProfile):
        strictest([])


def test_the_strictest_of_all_is_at_least_as_strict_as_each() -> None:
    """No owner's rule is weakened by combining."""
    everyone = list(all_profiles().values())
    rules = strictest(everyone).counts
    assert rules.smallest_shown == max(one.counts.smallest_shown for one in everyone)
    assert (rules.zero, rules.totals, rules.full_cells) == ("hidden", "sum_of_rounded", "refused")
    assert all(rules.base and rules.base % (one.counts.base or 1) == 0 for one in everyone)
    assert not rules.midpoint_6


def test_each_rule_names_the_owner_that_caused_it() -> None:
    """HES with ONS: the threshold and the hidden zero are of ONS, the base of both."""
    causes = criteria("hes+ons").causes
    assert causes["smallest_shown"] == causes["zero"] == ("ons",)
    assert causes["base"] == ("hes", "ons")
    assert set(causes) == {*CountRules.model_fields, *AmountRules.model_fields}


def test_combining_does_not_depend_on_the_order() -> None:
    """The same owners give the same criteria and digest."""
    assert criteria("ons+hes") == criteria("hes+ons")
    assert criteria("ons+hes").digest() == criteria("hes+ons+hes").digest()


def test_bases_that_do_not_divide_each_other_combine_to_a_common_multiple() -> None:
    """Rounded to 5 and to 3 is rounded to 15."""
    hes = all_profiles()["hes"]
    three = hes.model_copy(update={"id": "three", "counts": hes.counts.model_copy(update={"base": 3})})
    assert strictest([hes, three]).counts.base == 15
