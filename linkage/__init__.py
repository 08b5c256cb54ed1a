"""Safe Data: from identified deliveries to linked, pseudonymised, minimised data."""
