"""What does the Guardian answer before data are released? Seven questions, case by case (2013 review)."""

from __future__ import annotations

from access.projects.narrowing import Part, Sentence


class ReleaseTest(Part):
    """The answers to policies.RELEASE_TEST."""

    purpose_and_benefit: Sentence
    data_protection: Sentence
    jigsaw: Sentence
    format_and_detail: Sentence
    cost: Sentence
    commercial: Sentence
    transparency: Sentence
