"""Templates: valid as they stand, and no application while a place of them says what it said."""

from __future__ import annotations

import pytest

from access.documents import DocumentError, parse_document
from access.organisations.agreement import TEMPLATE as AGREEMENT_TEMPLATE
from access.organisations.agreement import Agreement
from access.projects.file import TEMPLATE_WORDS, ProjectFile
from access.projects.narrowing import TEMPLATE as NARROWING_TEMPLATE
from access.projects.narrowing import Narrowing
from access.projects.template import PROJECT_TEMPLATE
from access.support.file import TEMPLATE as SUPPORT_TEMPLATE
from access.support.file import SupportFile
from tests.fakes.havens import memory_records, peopled


@pytest.mark.parametrize(
    ("template", "model"),
    [(AGREEMENT_TEMPLATE, Agreement), (SUPPORT_TEMPLATE, SupportFile), (NARROWING_TEMPLATE, Narrowing)],
)
def test_each_template_fits_its_model_and_an_unknown_key_does_not(template: str, model: type) -> None:
    """What a person is given to fill in is valid as it stands; a key that nobody knows is an error with its line."""
    parse_document(template, model, name="template")
    with pytest.raises(DocumentError, match=r"line \d+: unknown key 'surprise'"):
        parse_document(template + "surprise: yes\n", model, name="template")


def test_a_template_that_nobody_filled_in_is_not_complete() -> None:
    """Each place of the project's template that still says what it said is told; all of them are known."""
    access = peopled(memory_records())
    file = parse_document(PROJECT_TEMPLATE, ProjectFile, name="template")
    unfilled = [one for one in access.problems(file) if "still says what the template says" in one]
    assert len(unfilled) == len(TEMPLATE_WORDS) == 6
