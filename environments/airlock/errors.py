"""What can go wrong at the airlock. Below EnvironmentsError in the tree of audit/errors.py."""

from __future__ import annotations

from environments.errors import EnvironmentsError


class AirlockError(EnvironmentsError):
    """The airlock could not do what was asked: nothing was released."""

    code = "release.failed"


class UnknownRequest(AirlockError):
    """There is no request of this number."""

    code = "release.unknown"
    exit_status = 66
    http_status = 404


class FileUnfit(AirlockError):
    """A file is not taken in under this name, of this size or in this company; the message says how to mend it."""

    code = "release.file_unfit"
    exit_status = 65
    http_status = 422


class SealBroken(AirlockError):
    """A sealed file is not as it was sealed: every approval of it is void."""

    code = "release.seal_broken"
    exit_status = 65


class EvidenceBroken(AirlockError):
    """The sealed evidence of a query is not there or does not verify: no file is believed for it."""

    code = "release.evidence_broken"
    exit_status = 65


class PeopleUnknown(AirlockError):
    """Whom a table counts cannot be told: it is not tested against earlier releases, and so not released."""

    code = "release.people_unknown"
    exit_status = 65


class ImportUnfit(AirlockError):
    """A file cannot be brought in as it is; the message says why and how to mend it."""

    code = "import.unfit"
    exit_status = 65
    http_status = 422


class PackageUnfit(AirlockError):
    """A file is not the package that was approved; the message says why and how to mend it."""

    code = "package.unfit"
    exit_status = 65
    http_status = 422


class OutboxFailed(AirlockError):
    """The files could not be written to the outbox."""

    code = "release.outbox_failed"
    exit_status = 74


class ManifestInvalid(AirlockError):
    """A release does not hold what its signed manifest says."""

    code = "release.manifest_invalid"
    exit_status = 65
