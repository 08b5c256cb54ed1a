"""The errors of the realm. The whole tree is drawn in audit/errors.py."""

from __future__ import annotations

from access.errors import AccessError


class RealmError(AccessError):
    """Root of the errors of the realm."""

    code = "realm.error"


class RealmUnreachable(RealmError):
    """Keycloak does not answer, or does not accept who asks."""

    code = "realm.unreachable"
    exit_status = 69
    http_status = 503


class RealmNotRepaired(RealmError):
    """The realm is still not as it should be, or Keycloak refused a change."""

    code = "realm.not_repaired"
    exit_status = 70


class ClientUnknown(RealmError):
    """No confidential client of the haven's has this name."""

    code = "realm.client_unknown"
    exit_status = 64
