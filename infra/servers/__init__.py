"""The haven's processes: how each is started, known to be ready, and stopped."""
