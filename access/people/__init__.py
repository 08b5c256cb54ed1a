"""Safe People: who works here, and what shows that they may."""
