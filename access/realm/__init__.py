"""The haven's realm in Keycloak: one table of roles, the realm that follows from it, and what has drifted from it."""
