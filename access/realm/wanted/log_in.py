"""How does somebody log in, for how long, and what is done against guessing? Flows, actions, sessions, events.

Rules: NCSC Cloud Security Principle 10 and SATRE 2.1 (a second factor for everybody); NCSC's password guidance; RFC
9700 (refresh tokens used once).
"""

from __future__ import annotations

from access.realm.roles import LONGEST_SESSION
from access.realm.wanted.settings import (
    ACCESS_TOKEN_SECONDS,
    BROWSER_FLOW,
    DAY,
    FORMS_FLOW,
    HOUR,
    MINUTE,
    NO_PASSWORD_GRANT,
    PASSWORD_POLICY,
    Data,
    RealmSettings,
)


def rules_of_log_in() -> Data:
    """Every setting of the realm that a log-in, a session or a token hangs on."""
    return {**_sessions(), **_log_in(), **_guessing(), **_pages(), **_events()}


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


def _log_in() -> Data:
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


def flows(settings: RealmSettings) -> list[Data]:
    """Password and second factor for whoever comes by a browser, and nothing for whoever comes with a password only."""
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


def required_actions(settings: RealmSettings) -> list[Data]:
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
