"""Who is it? Tokens read strictly, keys that rotate, the local development issuer, and logging in by device code.

An issuer of OpenID Connect says who somebody is: the identity provider (Keycloak), or on a laptop the local issuer,
which speaks the same. What the person may do is never in the token: the records are asked each time.
"""
