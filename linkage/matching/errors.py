"""The errors of matching. The tree is drawn in linkage/errors.py."""

from __future__ import annotations

from linkage.errors import LinkageError


class WrongKey(LinkageError):
    """The key ring's token key is not the one under which this zone was linked so far."""

    code = "linkage.wrong_key"
    exit_status = 78


def wrong_key(name: str) -> WrongKey:
    """The token key of this name has another check value than the one that the links were made under."""
    return WrongKey(
        "The key ring is not the one under which this haven was linked: nothing would match.",
        where=name,
        mend="Use the key ring that belongs to this home, or restore both from one backup.",
    )


class TruthError(LinkageError):
    """The file that says who is who cannot be read as such."""

    code = "linkage.truth"
    exit_status = 65


class NoRun(LinkageError):
    """No linkage has been run yet."""

    code = "linkage.no_run"
    exit_status = 66
