"""What should the haven's realm be? Settings in, Keycloak's realm representation out: data only, no I/O.

Rules: NCSC Cloud Security Principle 10 and SATRE 2.1 (a second factor for everybody); RFC 9700 (exact redirect
addresses, PKCE, no implicit and no password grant, refresh tokens used once); RFC 8628 for the command line.
Every key that could weaken a log-in or widen a token stands here with its value, also where it is Keycloak's default:
drift is compared with what stands here, and what does not stand here is not watched.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from access.errors import AccessError
from access.realm.roles import COMMAND_LINE, GATEWAY, HUB, LONGEST_SESSION, PORTAL, ROLES, roles_of

REALM = "haven"
BROWSER_FLOW = "haven browser"
FORMS_FLOW = "haven browser forms"
NO_PASSWORD_GRANT = "haven no password grant"  # noqa: S105 - a flow's name
SIGNING_KEY = "haven-es256"
PERSON_SCOPE = "haven-person"
MINUTE, HOUR, DAY = 60, 3600, 86_400
ACCESS_TOKEN_SECONDS = 5 * MINUTE
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
PASSWORD_POLICY = " and ".join(
    (
        "length(14)",
        "maxLength(128)",
        "notUsername(undefined)",
        "notContainsUsername(undefined)",
        "notEmail(undefined)",
        "passwordHistory(12)",
        "hashAlgorithm(argon2)",
    )
)
"""Long rather than complicated, and none by date (NCSC's password guidance); hashed with Argon2id."""

Data = dict[str, Any]


class RealmSettingsWrong(AccessError):
    """An address of the realm's settings would send somebody's log-in where it should not go."""

    code = "realm.settings"
    exit_status = 78


@dataclass(frozen=True)
class RealmSettings:
    """Where portal and hub answer, and which second factor everybody has.

    portal, hub: addresses without a path's wildcard; https but on this machine.
    """

    portal: str = "http://127.0.0.1:8450"
    hub: str = "http://127.0.0.1:8460"
    second_factor: Literal["totp", "webauthn"] = "totp"

    def __post_init__(self) -> None:
        for name, address in (("portal", self.portal), ("hub", self.hub)):
            parts = urlsplit(address)
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
            if not safe or not parts.hostname or "*" in address or parts.query or parts.fragment or parts.username:
                raise RealmSettingsWrong(
                    f"The address of the {name} is not one that log-ins may be sent to.",
                    where=f"[identity] {name}",
                    mend="Give https://HOST or https://HOST/PATH, without * and without a question mark.",
                )


def realm_representation(settings: RealmSettings) -> Data:
    """The whole realm as Keycloak writes it (RealmRepresentation), without ids and secrets."""
    return {
        "realm": REALM,
        "enabled": True,
        "displayName": "Haven",
        **_sessions(),
        **_log_in(settings),
        **_guessing(),
        **_pages(),
        **_events(),
        "attributes": {"adminEventsExpiration": str(400 * DAY)},
        "roles": {"realm": _roles()},
        "groups": [{"name": role.value, "realmRoles": [role.value]} for role in ROLES],
        "clientScopes": [_person_scope(), *(_audience_scope(client) for client in (GATEWAY, PORTAL, HUB))],
        "defaultDefaultClientScopes": [],
        "defaultOptionalClientScopes": [],
        "clients": [*_own_clients(settings), *_built_in_clients()],
        "scopeMappings": [
            {"client": client, "roles": [role.value for role in roles_of(client)]}
            for client in (PORTAL, HUB, GATEWAY, COMMAND_LINE)
        ],
        "authenticationFlows": _flows(settings),
        "requiredActions": _required_actions(settings),
        "components": _components(),
        "identityProviders": [],
        "userProfile": _user_profile(),
    }


def _sessions() -> Data:
    return {
        "accessTokenLifespan": ACCESS_TOKEN_SECONDS,
        "accessTokenLifespanForImplicitFlow": ACCESS_TOKEN_SECONDS,
        "ssoSessionIdleTimeout": 30 * MINUTE,
        "ssoSessionMaxLifespan": int(LONGEST_SESSION.total_seconds()),
        "clientSessionIdleTimeout": 0,  # the session's own
        "clientSessionMaxLifespan": 0,
        "offlineSessionMaxLifespanEnabled": True,  # nobody can ask for one: there is no scope for it
        "offlineSessionIdleTimeout": 30 * MINUTE,
        "offlineSessionMaxLifespan": int(LONGEST_SESSION.total_seconds()),
        "actionTokenGeneratedByAdminLifespan": 15 * MINUTE,
        "actionTokenGeneratedByUserLifespan": 5 * MINUTE,
        "accessCodeLifespan": MINUTE,
        "accessCodeLifespanLogin": 30 * MINUTE,
        "accessCodeLifespanUserAction": 15 * MINUTE,  # long enough to install an authenticator at the first log-in
        "oauth2DeviceCodeLifespan": 10 * MINUTE,
        "oauth2DevicePollingInterval": 5,
        "revokeRefreshToken": True,
        "refreshTokenMaxReuse": 0,
        "defaultSignatureAlgorithm": "ES256",
        "rememberMe": False,
    }


def _log_in(settings: RealmSettings) -> Data:
    return {
        "sslRequired": "external",
        "registrationAllowed": False,
        "registrationEmailAsUsername": False,
        "resetPasswordAllowed": False,  # an administrator resets, after asking who it is: `haven identity reset`
        "editUsernameAllowed": False,
        "loginWithEmailAllowed": False,
        "duplicateEmailsAllowed": False,
        "verifyEmail": False,  # no e-mail address is kept
        "userManagedAccessAllowed": False,
        "organizationsEnabled": False,
        "adminPermissionsEnabled": False,
        "passwordPolicy": PASSWORD_POLICY,
        "requiredCredentials": ["password"],
        "browserFlow": BROWSER_FLOW,
        "registrationFlow": "registration",  # this and the next four are Keycloak's own, and nothing leads to them
        "resetCredentialsFlow": "reset credentials",
        "firstBrokerLoginFlow": "first broker login",
        "dockerAuthenticationFlow": "docker auth",
        "clientAuthenticationFlow": "clients",
        "directGrantFlow": NO_PASSWORD_GRANT,
        "otpPolicyType": "totp",
        "otpPolicyAlgorithm": "HmacSHA1",  # what every authenticator understands; RFC 6238 keeps it sound
        "otpPolicyDigits": 6,
        "otpPolicyPeriod": 30,
        "otpPolicyLookAheadWindow": 1,
        "otpPolicyCodeReusable": False,
        "webAuthnPolicyRpEntityName": "Haven",
        "webAuthnPolicyUserVerificationRequirement": "required",
        "webAuthnPolicySignatureAlgorithms": ["ES256", "RS256"],
        "webAuthnPolicyRpId": "",  # the host's own name
        "webAuthnPolicyExtraOrigins": [],
    }


def _guessing() -> Data:
    """Five wrong passwords or codes lock a person out, for a minute first and longer each time."""
    return {
        "bruteForceProtected": True,
        "permanentLockout": False,  # else a stranger could lock everybody out
        "bruteForceStrategy": "MULTIPLE",
        "failureFactor": 5,
        "waitIncrementSeconds": MINUTE,
        "maxTemporaryLockouts": 0,
        "maxFailureWaitSeconds": 15 * MINUTE,
        "minimumQuickLoginWaitSeconds": MINUTE,
        "quickLoginCheckMilliSeconds": 1000,
        "maxDeltaTimeSeconds": 12 * HOUR,
    }


def _pages() -> Data:
    """Nobody shows our log-in in a frame of theirs; nothing is sent to anybody by e-mail; no rules beside these."""
    return {
        "browserSecurityHeaders": {
            "contentSecurityPolicy": "frame-src 'self'; frame-ancestors 'none'; object-src 'none';",
            "contentSecurityPolicyReportOnly": "",
            "referrerPolicy": "no-referrer",
            "strictTransportSecurity": "max-age=31536000; includeSubDomains",
            "xContentTypeOptions": "nosniff",
            "xFrameOptions": "DENY",
            "xRobotsTag": "none",
        },
        "smtpServer": {},
        "clientProfiles": {"profiles": []},
        "clientPolicies": {"policies": []},
    }


def _events() -> Data:
    """Who logged in, who failed, and what an administrator changed, kept for a year and a month."""
    return {
        "eventsEnabled": True,
        "eventsExpiration": 400 * DAY,
        "eventsListeners": ["jboss-logging"],
        "enabledEventTypes": [],  # all
        "adminEventsEnabled": True,
        "adminEventsDetailsEnabled": True,
    }


def _roles() -> list[Data]:
    own = [{"name": role.value, "description": f"{line.title}: {line.may}"} for role, line in ROLES.items()]
    return [*own, {"name": f"default-roles-{REALM}", "composites": {}}]


def _person_scope() -> Data:
    return {
        "name": PERSON_SCOPE,
        "description": "Who it is and which roles count; no name, no e-mail address.",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "false", "display.on.consent.screen": "false"},
        "protocolMappers": [
            _mapper("subject", "oidc-sub-mapper"),
            _mapper("how", "oidc-acr-mapper", **{"id.token.claim": "true"}),
            _mapper(
                "when",
                "oidc-usersessionmodel-note-mapper",
                **{
                    "user.session.note": "AUTH_TIME",
                    "claim.name": "auth_time",
                    "jsonType.label": "long",
                    "id.token.claim": "true",
                },
            ),
            _mapper(
                "person",
                "oidc-usermodel-attribute-mapper",
                **{
                    "user.attribute": "username",
                    "claim.name": "preferred_username",
                    "jsonType.label": "String",
                    "id.token.claim": "true",
                    "userinfo.token.claim": "true",
                },
            ),
            _mapper(
                "roles",
                "oidc-usermodel-realm-role-mapper",
                **{
                    "claim.name": "haven_roles",
                    "jsonType.label": "String",
                    "multivalued": "true",
                    "id.token.claim": "true",
                    "userinfo.token.claim": "true",
                },
            ),
        ],
    }


def _mapper(name: str, kind: str, **config: str) -> Data:
    common = {"access.token.claim": "true", "introspection.token.claim": "true"}
    return {
        "name": name,
        "protocol": "openid-connect",
        "protocolMapper": kind,
        "config": {**common, **config},
    }


def _audience_scope(client: str) -> Data:
    """Tokens with this scope are for this service and no other: its name is their `aud`, and in their `scope`."""
    mapper = _mapper(
        "audience", "oidc-audience-mapper", **{"included.client.audience": client, "id.token.claim": "false"}
    )
    return {
        "name": client,
        "description": f"The token is for {client}.",
        "protocol": "openid-connect",
        "attributes": {"include.in.token.scope": "true", "display.on.consent.screen": "false"},
        "protocolMappers": [mapper],
    }


def _own_clients(settings: RealmSettings) -> list[Data]:
    return [
        _client(
            PORTAL,
            "Haven: the portal",
            audience=PORTAL,
            standardFlowEnabled=True,
            redirectUris=[f"{settings.portal}/sign-in/callback"],
            attributes={"post.logout.redirect.uris": f"{settings.portal}/"},
        ),
        _client(
            HUB,
            "Haven: workspaces",
            audience=HUB,
            standardFlowEnabled=True,
            redirectUris=[f"{settings.hub}/hub/oauth_callback"],
            attributes={"post.logout.redirect.uris": f"{settings.hub}/"},
        ),
        _client(GATEWAY, "Haven: the service that tokens are for", audience=None, bearerOnly=True),
        _client(
            COMMAND_LINE,
            "Haven: the command line",
            audience=GATEWAY,
            publicClient=True,
            attributes={"oauth2.device.authorization.grant.enabled": "true"},
        ),
    ]


def _client(name: str, title: str, *, audience: str | None, attributes: Data | None = None, **changes: Any) -> Data:
    """A client that may do nothing but what `changes` say."""
    return {
        "clientId": name,
        "name": title,
        "enabled": True,
        "protocol": "openid-connect",
        "publicClient": False,
        "bearerOnly": False,
        "standardFlowEnabled": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "consentRequired": False,
        "fullScopeAllowed": False,  # only the roles of the scope mappings
        "frontchannelLogout": False,
        "surrogateAuthRequired": False,
        "clientAuthenticatorType": "client-secret",
        "authenticationFlowBindingOverrides": {},  # nobody logs in by another flow
        "rootUrl": "",
        "adminUrl": "",
        "redirectUris": [],
        "webOrigins": [],
        "protocolMappers": [],
        "defaultClientScopes": [PERSON_SCOPE, audience] if audience else [],
        "optionalClientScopes": [],
        **changes,
        "attributes": {
            "pkce.code.challenge.method": "S256",
            "oauth2.device.authorization.grant.enabled": "false",
            "backchannel.logout.session.required": "true",
            "use.refresh.tokens": "true",
            **(attributes or {}),
        },
    }


def _built_in_clients() -> list[Data]:
    """Keycloak's own in a realm. Nobody of this realm administers or looks after it from within."""
    names = ("account", "account-console", "admin-cli", "security-admin-console")
    return [{"clientId": name, "enabled": False, "directAccessGrantsEnabled": False} for name in names] + [
        {"clientId": "realm-management"}
    ]


def _flows(settings: RealmSettings) -> list[Data]:
    second = "auth-otp-form" if settings.second_factor == "totp" else "webauthn-authenticator"
    return [
        _flow(
            BROWSER_FLOW,
            "Password and second factor, both required",
            [_step("auth-cookie", "ALTERNATIVE"), _sub_flow(FORMS_FLOW, "ALTERNATIVE")],
        ),
        _flow(
            FORMS_FLOW,
            "Both are asked of everybody",
            [_step("auth-username-password-form", "REQUIRED"), _step(second, "REQUIRED")],
            top=False,
        ),
        _flow(
            NO_PASSWORD_GRANT,
            "No token for a password",
            [_step("deny-access-authenticator", "REQUIRED")],
        ),
    ]


def _flow(alias: str, description: str, executions: list[Data], *, top: bool = True) -> Data:
    numbered = [{**step, "priority": number} for number, step in enumerate(executions)]
    return {
        "alias": alias,
        "description": description,
        "providerId": "basic-flow",
        "topLevel": top,
        "builtIn": False,
        "authenticationExecutions": numbered,
    }


def _step(authenticator: str, requirement: str) -> Data:
    return {"authenticator": authenticator, "requirement": requirement, "authenticatorFlow": False}


def _sub_flow(alias: str, requirement: str) -> Data:
    return {"flowAlias": alias, "requirement": requirement, "authenticatorFlow": True}


def _required_actions(settings: RealmSettings) -> list[Data]:
    """What a person is asked to do at a log-in; by default the second factor. Whatever else Keycloak knows is off."""
    second = "CONFIGURE_TOTP" if settings.second_factor == "totp" else "webauthn-register"
    known = (
        "UPDATE_PASSWORD",
        "CONFIGURE_TOTP",
        "webauthn-register",
        "TERMS_AND_CONDITIONS",
        "UPDATE_PROFILE",
        "VERIFY_EMAIL",
        "VERIFY_PROFILE",
        "UPDATE_EMAIL",
        "delete_account",
        "delete_credential",
        "idp_link",
        "webauthn-register-passwordless",
        "CONFIGURE_RECOVERY_AUTHN_CODES",
        "update_user_locale",
    )
    used = {"UPDATE_PASSWORD", second}
    return [{"alias": name, "enabled": name in used, "defaultAction": name == second} for name in known]


def _components() -> Data:
    return {
        "org.keycloak.keys.KeyProvider": [
            {
                "name": SIGNING_KEY,
                "providerId": "ecdsa-generated",
                "config": {
                    "priority": ["100"],
                    "enabled": ["true"],
                    "active": ["true"],
                    "ecdsaEllipticCurveKey": ["P-256"],
                },
            },
            {
                "name": "hmac-generated-hs512",
                "providerId": "hmac-generated",
                "config": {"priority": ["100"], "algorithm": ["HS512"]},
            },
            {"name": "aes-generated", "providerId": "aes-generated", "config": {"priority": ["100"]}},
        ],
        "org.keycloak.storage.UserStorageProvider": [],  # people come from the haven's records only
    }


def _user_profile() -> Data:
    """A user is a person's id and nothing else: who they are stands in the haven's records.

    Keycloak insists on knowing what an e-mail address is; nobody is asked for one, and nobody can give theirs.
    """
    only_administrators = {"view": ["admin"], "edit": ["admin"]}
    return {
        "attributes": [
            {
                "name": "username",
                "displayName": "${username}",
                "permissions": {"view": ["admin", "user"], "edit": ["admin"]},
                "multivalued": False,
                "validations": {"length": {"min": 1, "max": 60}},
            },
            {
                "name": "email",
                "displayName": "${email}",
                "permissions": only_administrators,
                "multivalued": False,
                "validations": {"email": {}, "length": {"max": 255}},
            },
        ],
        "groups": [],
    }
