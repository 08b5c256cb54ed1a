"""Disclosure evidence of aggregate queries: how many people stand behind each figure, computed where the data are."""
