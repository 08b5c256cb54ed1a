"""Safe People and Safe Projects: who may do what, for which approved purpose, until when."""
