"""Whose NHS number or postcode took another's place? Tables that a haven is given, kept in the linkage zone."""
