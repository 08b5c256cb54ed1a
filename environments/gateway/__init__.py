"""The query door: who asks, may they, is the statement harmless, and what comes back."""
