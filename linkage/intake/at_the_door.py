"""The intake's own process, and how it is asked: it reads a delivery and splits it; counts and hashes come back.

It sees identifiers or tokens, and payload, while a delivery passes through, and opens neither zone: it has no key of
theirs, and the zones take rows from it and tell it nothing but which rounds there are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from audit.clock import Clock
from audit.model import service
from audit.progress import Progress, silent
from linkage.contracts.contract import DatasetContract, read_contract
from linkage.contracts.registry import shipped
from linkage.errors import ZoneBusy, ZoneForbids
from linkage.intake.held import OpenedDelivery
from linkage.intake.manifest import Manifest, TokenManifest, parse_manifest
from linkage.intake.reasons import Fault
from linkage.intake.receipt import Receipt
from linkage.intake.report import FileResult
from linkage.intake.signing import Senders
from linkage.intake.splitting import Splitting
from linkage.intake.unpack import opened_delivery, opened_tar, remove_leftovers
from linkage.sealed.door import SealedDoor, is_sealed
from linkage.separation.client import ZonePlace, asked, connected
from linkage.separation.ports import Answer, Asker, Named, Plain, ZoneRunner
from linkage.zones import PATIENCE_SECONDS, WorkFiles, held_lock

MANIFEST, TAKE_IN, RECIPIENT = "intake.manifest", "intake.take_in", "intake.recipient"
INTAKE = service("intake")
Agreed = Callable[[str, str], DatasetContract | None]
"""The contract of this dataset and version, from where the orchestrator's account cannot write."""


class IntakeAtTheDoor(Splitting):
    """What the intake's process does. folder: its own; zones: the zones' processes; sealed: opens with its own key.

    senders: the controllers' keys.
    """

    def __init__(
        self,
        folder: Path,
        zones: ZoneRunner,
        work: WorkFiles,
        clock: Clock,
        agreed: Agreed,
        sealed: SealedDoor,
        senders: Senders,
    ) -> None:
        super().__init__(zones, clock, work=work, sealed=sealed, keeps_rows=False)
        self._seals = sealed
        self._folder = folder
        self._agreed = agreed
        self._senders = senders
        with suppress(ZoneBusy), self._alone():  # who works here now removes it
            pass

    def do(
        self, verb: str, asker: Asker, arguments: Plain, tables: Iterator[Named], progress: Progress = silent
    ) -> Answer:
        """Read a manifest, take a delivery in, or say for whom deliveries are sealed.

        A fault of the delivery is an answer; ZoneForbids is raised.
        """
        if asker is not Asker.ORCHESTRATOR or verb not in (MANIFEST, TAKE_IN, RECIPIENT):
            raise ZoneForbids("The intake does not do this for this account.", where=verb[:60])
        if verb == RECIPIENT:
            return Answer({"recipient": self._seals.recipient})
        path = Path(arguments["path"])
        try:
            with self._alone(), self._opened(path) as (opened, form):
                content = opened.manifest()
                manifest = parse_manifest(content)
                if type(manifest) is not form:  # tokens come sealed, and only tokens do
                    raise Fault("tokens.sealed" if form is Manifest else "manifest.invalid")
                signed = self._senders.require(manifest.controller, content, opened.signature())
                if verb == MANIFEST:
                    return Answer({"manifest": manifest.model_dump(mode="json", by_alias=True), "signed": signed})
                return self._taken_in(opened, manifest, arguments, progress)
        except Fault as fault:
            return Answer({"fault": _as_data(fault)})

    def _taken_in(self, opened: OpenedDelivery, manifest: Manifest, arguments: Plain, progress: Progress) -> Answer:
        contract = self._contract(arguments["contract"])
        receipt = Receipt(arguments["delivery"], manifest, contract, Path(arguments["path"]), INTAKE, opened)
        fault = None
        try:
            if manifest.digest != arguments["digest"]:
                raise Fault("delivery.changed")
            with self._scratch() as scratch:
                if isinstance(manifest, TokenManifest):
                    self._take_tokens(receipt, manifest, scratch, progress)
                else:
                    self._take_in(receipt, scratch, progress)
        except Fault as found:
            fault = _as_data(found)
        files = [
            {"name": f.name, "table": f.table, "rows": f.rows, "reasons": dict(f.reasons),
             "forms": [[*form, count] for form, count in f.forms.items()]}
            for f in receipt.files
        ]  # fmt: skip
        return Answer({"files": files, "columns": receipt.columns, "fault": fault})

    @contextmanager
    def _opened(self, path: Path) -> Iterator[tuple[OpenedDelivery, type[Manifest]]]:
        """The delivery, and the form that its manifest must have. Raises Fault."""
        if is_sealed(path):
            with self._seals.opened(path, self._folder) as tar, opened_tar(tar, self._folder) as inside:
                yield inside, TokenManifest
        else:
            with opened_delivery(path, self._folder) as delivery:
                yield delivery, Manifest

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the intake before anything is unpacked: what lies there unpacked then is a killed receipt's."""
        with self._one_delivery_at_a_time():
            remove_leftovers(self._folder)
            yield

    def _contract(self, sent: Plain) -> DatasetContract:
        """The contract as this account knows it. Raises ZoneForbids for any other.

        A contract says what is an identifier: whoever could change it could have identifiers put among the payload.
        """
        contract = DatasetContract.model_validate(sent)
        if self._agreed(contract.dataset, contract.version) != contract:
            raise ZoneForbids(
                f"The intake does not know contract {contract.dataset} {contract.version} with this content.",
                where="contract",
                mend="Root puts the agreed YAML file into the home's folder zones/contracts.",
            )
        return contract


def agreed_contracts(folder: Path) -> Agreed:
    """The contracts that ship with the haven, and those that root has put into this folder."""

    def agreed(dataset: str, version: str) -> DatasetContract | None:
        put = [read_contract(path.read_text(encoding="utf-8"), path.name) for path in sorted(folder.glob("*.yaml"))]
        known = [*put, *(contract for _, contract in shipped())]
        return next((one for one in known if (one.dataset, one.version) == (dataset, version)), None)

    return agreed


class ThroughTheDoor:
    """The intake's process, asked over its socket. locks: a folder of the asking account's own."""

    def __init__(self, place: ZonePlace, locks: Path) -> None:
        self._place = place
        self._locks = locks

    def manifest(self, path: Path) -> tuple[Manifest, bool]:
        """As the port says."""
        data = self._ask(MANIFEST, {"path": str(path.absolute())}, silent)
        _raise_fault(data.get("fault"))
        form = TokenManifest if "mode" in data["manifest"] else Manifest
        return form.model_validate(data["manifest"]), bool(data["signed"])

    @property
    def recipient(self) -> str:
        """The age public key to seal deliveries for; the intake's account alone opens them."""
        return str(self._ask(RECIPIENT, {}, silent)["recipient"])

    def take_in(self, receipt: Receipt, progress: Progress) -> None:
        """As the port says."""
        arguments = {
            "path": str(receipt.folder.absolute()),
            "delivery": receipt.id,
            "contract": receipt.contract.model_dump(mode="json", by_alias=True, exclude_unset=True),
            "digest": receipt.manifest.digest,
        }
        data = self._ask(TAKE_IN, arguments, progress)
        for one in data.get("files", ()):
            forms = Counter({(column, form): count for column, form, count in one["forms"]})
            receipt.files.append(FileResult(one["name"], one["table"], one["rows"], Counter(one["reasons"]), forms))
        receipt.columns = [(file, column, reason, int(n)) for file, column, reason, n in data.get("columns", ())]
        _raise_fault(data.get("fault"))

    def one_delivery_at_a_time(self) -> AbstractContextManager[None]:
        """By a lock of the asking account's own; the intake has its own besides."""
        return held_lock(self._locks / ".intake.lock", "intake", patience=PATIENCE_SECONDS)

    def _ask(self, verb: str, arguments: Plain, progress: Progress) -> Plain:
        with connected(self._place) as wire:
            return asked(wire, verb, arguments, (), progress, None).data


def _as_data(fault: Fault) -> Plain:
    return {"code": fault.code, "what": fault.what, "where": fault.where, "mend": fault.mend}


def _raise_fault(data: Plain | None) -> None:
    if data is not None:
        raise Fault(data["code"], data["what"], data["mend"], where=data["where"])
