"""Which programs are given tokens, by which way in, for which audience, with which claims and roles?

Rules: RFC 9700 (exact redirect addresses, PKCE, no implicit and no password grant); RFC 8628 for the command line; RFC
9068 (one audience). A client may do nothing but what stands here, and a token says nothing but what stands here.
"""

from __future__ import annotations

from typing import Any

from access.realm.roles import COMMAND_LINE, GATEWAY, HUB, PORTAL
from access.realm.wanted.settings import PERSON_SCOPE, Data, RealmSettings


def client_scopes() -> list[Data]:
    """Who somebody is, and for which service the token is."""
    return [_person_scope(), *(_audience_scope(client) for client in (GATEWAY, PORTAL, HUB))]


def clients(settings: RealmSettings) -> list[Data]:
    """The haven's four, and Keycloak's own."""
    return [*_own_clients(settings), *_built_in_clients()]


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
    off = {"enabled": False, "directAccessGrantsEnabled": False, "serviceAccountsEnabled": False}
    return [*({"clientId": name, **off} for name in names), _administration()]


def _administration() -> Data:
    """What the administrators' roles belong to: nobody logs in by it, and it has no account of its own.

    Keycloak says that its standard flow is on and lets nobody change the client; bearer-only gives no token to anybody.
    """
    return {
        "clientId": "realm-management",
        "bearerOnly": True,
        "publicClient": False,
        "implicitFlowEnabled": False,
        "directAccessGrantsEnabled": False,
        "serviceAccountsEnabled": False,
        "redirectUris": [],
        "webOrigins": [],
    }


def registration_policies() -> list[Data]:
    """What a program that registers itself as a client is held to: Keycloak's own rules, and no host is trusted.

    Without them whoever reaches the server registers one (https://www.keycloak.org/securing-apps/client-registration).
    """
    mappers = [
        "oidc-address-mapper",
        "oidc-full-name-mapper",
        "oidc-sha256-pairwise-sub-mapper",
        "oidc-usermodel-attribute-mapper",
        "oidc-usermodel-property-mapper",
        "saml-role-list-mapper",
        "saml-user-attribute-mapper",
        "saml-user-property-mapper",
    ]
    everybody = {
        "Allowed Client Scopes": ("allowed-client-templates", {"allow-default-scopes": ["true"]}),
        "Allowed Protocol Mapper Types": ("allowed-protocol-mappers", {"allowed-protocol-mapper-types": mappers}),
        "Allowed Registration Web Origins": ("registration-web-origins", {}),
    }
    matched = {"host-sending-registration-request-must-match": ["true"], "client-uris-must-match": ["true"]}
    strangers = everybody | {
        "Consent Required": ("consent-required", {}),
        "Full Scope Disabled": ("scope", {}),
        "Max Clients Limit": ("max-clients", {"max-clients": ["200"]}),
        "Trusted Hosts": ("trusted-hosts", matched),
    }
    return [
        {"name": name, "providerId": provider, "subType": whose, "config": config}
        for whose, policies in (("anonymous", strangers), ("authenticated", everybody))
        for name, (provider, config) in policies.items()
    ]
