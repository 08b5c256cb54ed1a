"""Safe Outputs: the one door through which anything leaves, with its states, its two people and its evidence."""
