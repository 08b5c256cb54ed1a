"""The system accounts of an installed haven: what each owns, how they are made, looked at, and started."""
