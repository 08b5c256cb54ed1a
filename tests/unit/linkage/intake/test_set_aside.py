"""What does the report say of rows that stayed with the controller?"""

from __future__ import annotations

from pathlib import Path

from linkage.contracts.registry import find_contract
from linkage.intake.manifest import PackedFile, TokenManifest
from linkage.intake.reasons import REASONS
from linkage.intake.report import DeliveryResult, as_data, write_reports


def test_the_report_counts_what_the_controller_kept(tmp_path: Path) -> None:
    """Each reason of ours with its rows, on the page and as data; a text that is none is not repeated."""
    code, contract = next(iter(REASONS)), find_contract("deaths")
    manifest = TokenManifest(
        name="d", dataset="deaths", controller=contract.controller, contract_version="1", mode="tokens", round="r",
        files=(PackedFile(name="f", sha256="0" * 64, bytes=1, rows=1),), round_version=1, round_check="0" * 16,
        specification="1", content="0" * 64, set_aside={code: 7, "ZARA HALE": 3},
    )  # fmt: skip
    result = DeliveryResult("id", "received", manifest, contract)
    assert as_data(result)["set_aside_by_controller"] == {code: 7}
    texts = [path.read_text(encoding="utf-8") for path in write_reports(result, tmp_path)]
    assert all(code in text and "ZARA" not in text for text in texts)
