"""What does the page docs/reference/invented-people.md say? Who the invented people are, and how they are misrecorded.

Write it anew: python -m infra.demo.errors_page > docs/reference/invented-people.md
"""

from __future__ import annotations

import sys
from dataclasses import fields

from infra.demo import generator_people as people
from infra.demo.generator_errors import ERRORS, MINORITY_FACTOR, RecordingErrors

WHAT = {
    "nhs_missing": "no NHS number",
    "nhs_wrong_digit": "a digit of the NHS number is wrong (modulus 11 finds each: no valid number)",
    "nhs_of_another": "the NHS number of the next person in the list, mostly of the same home",
    "surname_typing": "surname mistyped: a later letter left out, doubled, replaced, or exchanged with the next",
    "surname_before": "the surname before marriage; changes something for women who had another",
    "forename_nickname": "a short form of the forename; changes something where the name has one",
    "forename_typing": "forename mistyped, as the surname",
    "names_exchanged": "surname and forename exchanged",
    "birthday_unknown": "birthday unknown: 1 January of the year",
    "day_month_exchanged": "day and month exchanged; possible up to the 12th",
    "birthday_typing": "day, month or year beside the right one",
    "sex_wrong": "the other sex",
    "address_not_updated": "of those who moved: the address of before",
}
"""Each rate of RecordingErrors, in words."""
OPENING = f"""# Invented people, and how they are recorded

The demo, `haven bench linkage` and most tests link people who are invented with known truth. This page is generated
from `infra/demo/generator_people.py` and `generator_errors.py`; a test holds it to them.

## Errors of recording

What goes wrong when a dataset records a person, in per cent of people. For minority ethnic groups every rate is
{MINORITY_FACTOR:g} times as high. Each error is drawn by itself. A person is recorded once in a dataset: all rows of
that person there carry the same errors, but the address, which follows the day. The benchmarks' two files are recorded
as `gp` and as `hospital`.
"""


def page() -> str:
    """The whole page."""
    heads = [f"`{name}`" for name in ERRORS]
    rows = [
        [WHAT[one.name], *(_percent(getattr(of, one.name)) for of in ERRORS.values())]
        for one in fields(RecordingErrors)
    ]
    homes = [
        ("people in a home, on average", f"{people.HOME_SIZE:g}"),
        ("homes of one postcode", str(people.HOMES_A_POSTCODE)),
        ("partners who share a surname", f"{_percent(people.PARTNER_SHARES_NAME)} %"),
        ("children who have the first parent's surname", f"{_percent(people.CHILD_SHARES_NAME)} %"),
        ("twins, of the children with an elder brother or sister", f"{_percent(people.TWINS)} %"),
        ("homes that moved in the last ten years", f"{_percent(people.MOVED)} %"),
        *((f"homes of the group {name.replace('_', ' ')}", f"{_percent(share)} %")
          for name, share in zip(people.GROUPS, people.SHARES, strict=True)),
    ]  # fmt: skip
    parts = [OPENING, _table(["what is recorded", *heads], rows), "## Homes\n", _table(["what", "how many"], homes)]
    return "\n".join(parts)


def _percent(share: float) -> str:
    return f"{100 * share:g}"


def _table(heads: list[str], rows: list[list[str]] | list[tuple[str, str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
