"""The controller's agent: a delivery checked, tokenised under a round's key and encrypted, at the controller's side.

No identifier leaves: see `haven-controller --help`. Needs no haven; what it shares with one lies in `rules`, copied
into this wheel when it was built.
"""
