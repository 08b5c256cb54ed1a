"""The local development issuer: it speaks as the identity provider does, asks for no password, and says so."""
