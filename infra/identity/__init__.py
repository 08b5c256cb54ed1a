"""Keycloak on this machine, for development: got, started, stopped. In production it is a server of its own."""
