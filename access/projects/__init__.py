"""Safe Projects: what is asked for, who decided what about it, and what follows from that."""
