"""The Arrow Flight SQL door of the gateway."""
