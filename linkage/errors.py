"""The errors of linkage. The whole tree is drawn in audit/errors.py; below LinkageError:

LinkageError
├── ZoneError          (linkage.zones)    a zone cannot be opened
│   ├── ZoneBusy                          another process writes in it
│   ├── ZoneUnsafe                        real data, and no cipher that is fit for it
│   ├── ZoneAway                          the zone's own process does not answer
│   └── ZoneForbids                       the zone does not do this, or not for this account
├── ContractError      (linkage.intake)   a dataset contract cannot be used
├── DeliveryRefused    (linkage.intake)   a delivery was refused whole; nothing of it was kept
├── UnknownDelivery    (linkage.intake)   no delivery of this name or id
├── NoRoom             (linkage.full_disks) the disk or the memory is full
├── WrongKey           (linkage.matching) not the key under which this haven was linked
├── KernelWrong        (linkage.native)   the compiled kernel does not make HMAC's tokens
├── EngineMissing      (linkage.matching) what the chosen engine needs is not there
├── EngineFailed       (linkage.matching) the engine ended without the links
├── NoRun              (linkage.matching) nothing has been linked yet
├── TruthError         (linkage.matching) a truth cannot be used
├── TooManyCandidates  (linkage.matching) more pairs to weigh than the budget allows
├── NoModel            (linkage.matching) no linkage model of this name
├── NothingToLearnFrom (linkage.matching) no records to train from
├── NoPair             (linkage.matching) no such pair waits in the clerical queue
├── ReferenceRefused   (linkage.references) a reference table cannot be used
├── UnknownReference   (linkage.references) no such kind of table, or none loaded
├── MailboxUnset       (linkage.optouts)  no MESH mailbox is set
├── MailboxAway        (linkage.optouts)  MESH does not answer
├── NothingToAsk       (linkage.optouts)  no NHS number to ask about
├── ListFailed         (linkage.optouts)  the answer about opt-outs cannot be used
├── NumberUnfit        (linkage.optouts)  no NHS number that somebody can have
├── LinkageDue         (linkage.optouts)  a delivery went, and what was linked by it has not followed
├── ObjectorNamed      (linkage.optouts)  somebody else is named under this objection's id
├── ObjectorUnknown    (linkage.optouts)  an objection stands for nobody
└── SpecifiedError     (linkage.specified) linkage by a specification: file, column, truth, pairs or model
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import HavenError


class LinkageError(HavenError):
    """Root of the errors of linkage."""

    code = "linkage.error"


class ZoneError(LinkageError):
    """A zone cannot be opened: wrong key, damaged file, or a folder that is not private."""

    code = "zone.error"


class ZoneBusy(ZoneError):
    """Another process works in the zone. It passes by itself: try again."""

    code = "zone.busy"
    exit_status = 75
    http_status = 503


class ZoneUnsafe(ZoneError):
    """Real data, and no OpenSSL for the encryption at rest: the haven fails closed."""

    code = "zone.unsafe"
    exit_status = 78


class ZoneAway(ZoneError):
    """The process of the zone's account does not answer, or is not that account's."""

    code = "zone.away"
    exit_status = 69
    http_status = 503


class ZoneForbids(ZoneError):
    """The zone does not do this, or not for the account that asks."""

    code = "zone.forbids"
    exit_status = 77
    http_status = 403


class ContractError(LinkageError):
    """A dataset contract cannot be used as it stands."""

    code = "contract.unusable"
    exit_status = 65
    http_status = 422


class DeliveryRefused(LinkageError):
    """A delivery was refused whole: nothing of it was kept, and the previous state is untouched.

    reason: a stable code such as `file.altered`. reports: where the delivery report lies, when there is one.
    """

    code = "delivery.refused"
    exit_status = 65
    http_status = 422

    def __init__(self, reason: str, what: str, *, where: str | None = None, mend: str | None = None) -> None:
        super().__init__(what, where=where, mend=mend)
        self.reason = reason
        self.reports: tuple[Path, ...] = ()

    def as_dict(self) -> dict[str, str | None]:
        """As every error, and the reason's stable code."""
        return {**super().as_dict(), "reason": self.reason}


class UnknownDelivery(LinkageError):
    """No delivery is known under this name or id."""

    code = "delivery.unknown"
    exit_status = 66
    http_status = 404


class NoRoom(LinkageError):
    """The disk or the memory is full; nothing half done counts."""

    code = "linkage.no_room"
    exit_status = 74


class KernelWrong(LinkageError):
    """The compiled kernel makes other tokens than their definition: none is made."""

    code = "tokens.kernel_wrong"
    exit_status = 70
