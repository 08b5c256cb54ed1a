"""The evidence: what happened, provably complete. Imports no other component."""
