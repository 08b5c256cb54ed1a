"""The errors of the keys. No message holds a byte of a key, a passphrase, a PIN or a token."""

from __future__ import annotations

from access.errors import AccessError


class KeyRingError(AccessError):
    """The key ring, or one key of it, cannot be had."""

    code = "keys.unavailable"
    exit_status = 78


class RootUnavailable(KeyRingError):
    """The root key's store does not answer, or does not let us in."""

    code = "keys.root_unavailable"


class WrongRoot(KeyRingError):
    """What is wrapped does not open under this root key: another haven's, another use, or damaged."""

    code = "keys.wrong_root"


class RecipientUnlisted(KeyRingError):
    """Whoever asks could name themselves: a round's key is sealed only for a controller that root has listed."""

    code = "keys.recipient_unlisted"
    exit_status = 77


class RoundTaken(KeyRingError):
    """A round's key goes to one recipient, once and for all: it was sealed for another."""

    code = "keys.round_taken"
    exit_status = 77


class RoundDestroyed(KeyRingError):
    """The key of this round was erased, with a certificate or without one, and nothing brings it back."""

    code = "keys.round_destroyed"
