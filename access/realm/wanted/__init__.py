"""The parts of the realm as they should be, each with the rule that it follows. Data only."""
