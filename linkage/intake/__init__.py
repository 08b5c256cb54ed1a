"""Intake: a controller's delivery is checked, split into identity and payload, and put into the two zones."""
