"""Logging in from the command line: what is kept of a login, and what it proves."""
