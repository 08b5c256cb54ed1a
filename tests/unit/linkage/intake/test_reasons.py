"""Every reason is used, says how to mend it, and stands on its page."""

from __future__ import annotations

import re
from pathlib import Path

from linkage.intake.reasons import REASONS, page
from tests.fakes.damaged_rows import DAMAGES

ROOT = Path(__file__).parents[4]
PLACES = (ROOT / "linkage" / "intake", ROOT / "linkage" / "sealed")
SOURCES = [path for place in PLACES for path in place.glob("*.py") if path.name != "reasons.py"]
OF_MODE_B = {"round", "tokens", "payload"}  # tests/integration/controller brings these about


def test_the_page_is_generated_from_the_reasons() -> None:
    """docs/reference/delivery-reasons.md is what the table of reasons gives."""
    assert (ROOT / "docs" / "reference" / "delivery-reasons.md").read_text(encoding="utf-8") == page()


def test_each_reason_is_two_sentences_without_a_value() -> None:
    """What and how to mend it are sentences, and no sentence has a place into which a value could be put."""
    for code, reason in REASONS.items():
        for sentence in (reason.what, reason.mend):
            assert sentence[0].isupper() or sentence.startswith("`haven "), code
            assert sentence.endswith("."), code
            assert "{" not in sentence, code


def test_each_code_that_the_intake_uses_has_its_reason_and_each_reason_is_used() -> None:
    """No code without a sentence, and no sentence that nothing can bring about."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES)
    used = set(re.findall(r"\"([a-z_0-9]+\.[a-z_0-9]+)\"", text)) | set(re.findall(r"'([a-z]+\.[a-z_]+):'", text))
    faults = set(re.findall(r"Fault\(\s*\"([a-z_0-9.]+)\"", text))
    assert faults <= set(REASONS)
    assert set(REASONS) <= used


def test_almost_every_reason_is_brought_about_by_a_damage() -> None:
    """Each reason has a kind of damage that ends in it, except those that other tests bring about."""
    elsewhere = {"delivery.changed", "header.free_text", "value.not_boolean", "csv.endless_line", "csv.unparsable"}
    elsewhere |= {code for code in REASONS if code.split(".")[0] in OF_MODE_B} | {"archive.not_for_us"}
    elsewhere |= {"parquet.too_large", "parquet.untrue", "parquet.encoding"}
    elsewhere |= {code for code in REASONS if code.split(".")[0] in {"identifier", "column", "signature"}}
    assert set(REASONS) - {damage.code for damage in DAMAGES} <= elsewhere
