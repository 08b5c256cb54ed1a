"""What is known of a delivery while it is being received, and is it within what its contract tolerates?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from audit.model import Actor
from audit.records import Change
from linkage.contracts.contract import DatasetContract
from linkage.intake.held import OpenedDelivery
from linkage.intake.hidden import HiddenFile
from linkage.intake.manifest import Manifest, TokenManifest
from linkage.intake.reasons import REASONS
from linkage.intake.report import DeliveryResult, FileResult, advice
from linkage.intake.staging import Staging
from linkage.store import RECEIVED, REFUSED, Delivery

CASCADED = "join.parent_quarantined"


class Receipt:
    """A delivery while it is being received. folder: where it lies. held: copies of its files while they are read."""

    def __init__(
        self,
        key: str,
        manifest: Manifest,
        contract: DatasetContract,
        folder: Path,
        by: Actor,
        opened: OpenedDelivery | None = None,
    ) -> None:
        self.id = key
        self.manifest = manifest
        self.contract = contract
        self.folder = folder
        self.by = by
        self.staging: Staging | None = None
        self._opened = opened
        self.held: dict[str, HiddenFile] = {}
        self.superseded: Delivery | None = None
        self.files: list[FileResult] = []
        self.columns: list[tuple[str, str, str, int]] = []
        self.not_stored: Counter[tuple[str, str]] = Counter()

    @property
    def rows_staged(self) -> Staging:
        """Its checked rows in the work file."""
        if self.staging is None:
            raise RuntimeError("the work file of a receipt is made before its rows are read")
        return self.staging

    @contextmanager
    def files_held(self) -> Iterator[None]:
        """Its files are held to its manifest, and the manifest to its contract. Raises Fault."""
        self.manifest.require_contract(self.contract)
        if self._opened is None:
            raise RuntimeError("who reads a delivery has opened it")
        with self._opened.held(self.manifest) as self.held:
            yield

    def file(self, name: str) -> FileResult:
        """The result of the file of this name."""
        return next(file for file in self.files if file.name == name)

    def count_bad_rows(self) -> None:
        """Take the counts from what was set aside so far, stored or not."""
        for file in self.files:
            file.reasons.clear()
        for (name, reason), count in [*self.rows_staged.reasons().items(), *self.not_stored.items()]:
            self.file(name).reasons[reason] += count
        self.columns = self.rows_staged.columns_concerned()

    def beyond_tolerance(self) -> str | None:
        """The sentence on the first file with more bad rows than agreed, or nothing."""
        for file in self.files:
            # Children of a quarantined parent follow it; the fault is the parent's and counted there.
            own = file.bad - file.reasons[CASCADED]
            if own > tolerated(self.contract, file.rows):
                agreed = self.contract.tolerance
                what = f"{own / file.rows:.1%} of the rows of {file.name} are bad; the contract tolerates {agreed:.1%}."
                return " ".join([what, *advice(self.result(REFUSED)), _commonest(file)])
        return None

    def result(self, state: str) -> DeliveryResult:
        """What is known so far, for the report."""
        return DeliveryResult(self.id, state, self.manifest, self.contract, self.files, self.columns)

    def facts(self) -> dict[str, str]:
        """What the log holds of it: opaque ids and hashes, no counts."""
        facts = {
            "delivery": self.id,
            "delivery_name": self.manifest.name,
            "digest": self.manifest.digest,
            "contract": self.contract.version,
        }
        if isinstance(self.manifest, TokenManifest):
            facts |= {"mode": "tokens", "round": self.manifest.round, "key_check": self.manifest.round_check}
            facts |= {"bloom_agreed": self.manifest.bloom_agreed} if self.manifest.bloom_agreed else {}
        return facts

    def record(self, change: Change, state: str, reason: str | None) -> Delivery:
        """Its record."""
        result, period = self.result(state), self.manifest.period
        tokens = self.manifest if isinstance(self.manifest, TokenManifest) else None
        return Delivery(
            id=self.id,
            name=self.manifest.name,
            dataset=self.contract.dataset,
            controller=self.contract.controller,
            contract_version=self.contract.version,
            period_from=period.first if period else None,
            period_to=period.last if period else None,
            digest=self.manifest.digest,
            state=state,
            supersedes=self.superseded.id if self.superseded else None,
            reason=reason,
            rows=result.rows_by_table() if state == RECEIVED else {},
            quarantined=result.by_reason(),
            at=change.at,
            by=self.by,
            round=tokens.round if tokens else None,
            round_check=tokens.round_check if tokens else None,
        )


def _commonest(file: FileResult) -> str:
    """What is wrong with most of a file's bad rows, and how to mend it."""
    code, _ = file.reasons.most_common(1)[0]
    return f"Most often: {REASONS[code].what} {REASONS[code].mend}"


def tolerated(contract: DatasetContract, rows: int) -> int:
    """How many of so many rows of a file may be bad."""
    return contract.tolerated(rows)
