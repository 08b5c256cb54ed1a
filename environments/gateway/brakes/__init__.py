"""Brakes: what a person asks over an hour, and when that is slowed down or stopped."""
