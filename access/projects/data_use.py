"""What does the register of data uses tell that only the applicant knows? Asked for before a project is submitted.

The fields are those of the data use register standard (UK Health Data Research Alliance, January 2022); the articles
those of the UK GDPR. The texts are published as they are written, but for the names of registered people.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from access.projects.narrowing import Part, Sentence

Article6 = Literal["6(1)(a)", "6(1)(b)", "6(1)(c)", "6(1)(d)", "6(1)(e)", "6(1)(f)"]
Article9 = Literal[
    "9(2)(a)", "9(2)(b)", "9(2)(c)", "9(2)(d)", "9(2)(e)", "9(2)(f)", "9(2)(g)", "9(2)(h)", "9(2)(i)", "9(2)(j)"
]
Sector = Literal["academia", "nhs", "local-authority", "government", "charity", "industry", "independent-care"]
Named = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200)]

ARTICLE_6: Mapping[Article6, str] = {
    "6(1)(a)": "consent",
    "6(1)(b)": "contract",
    "6(1)(c)": "legal obligation",
    "6(1)(d)": "vital interests",
    "6(1)(e)": "public task",
    "6(1)(f)": "legitimate interests",
}
ARTICLE_9: Mapping[Article9, str] = {
    "9(2)(a)": "explicit consent",
    "9(2)(b)": "employment, social security and social protection",
    "9(2)(c)": "vital interests",
    "9(2)(d)": "not-for-profit bodies",
    "9(2)(e)": "made public by the person",
    "9(2)(f)": "legal claims",
    "9(2)(g)": "substantial public interest",
    "9(2)(h)": "health or social care",
    "9(2)(i)": "public health",
    "9(2)(j)": "archiving, research and statistics",
}
SECTORS: Mapping[Sector, str] = {
    "academia": "Academia",
    "nhs": "National Health Service",
    "local-authority": "Local authority",
    "government": "Government",
    "charity": "Charity",
    "industry": "Industry",
    "independent-care": "Independent provider of care",
}


class DataUse(Part):
    """What is published beside the project's own words."""

    article6: Article6
    article9: Article9
    sector: Sector
    technical_summary: Sentence
    frequency: Literal["one-off", "recurring"]
    funders: list[Named] = Field(default_factory=list)


MISSING = (
    "data_use: give what the public register of data uses tells (article6, article9, sector, technical_summary,"
    " frequency, funders); `haven project new` shows them"
)
