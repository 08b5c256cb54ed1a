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


class RealmDrifted(RealmError):
    """The realm is not as the table and the settings say; each difference was told by name."""

    code = "realm.drifted"
    exit_status = 65
