"""What falls due, who must be told, and what time alone brings about."""
