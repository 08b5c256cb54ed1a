"""Disclosure control: whose rules apply to a table that is to leave, and which of its cells break them."""
