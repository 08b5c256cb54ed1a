"""Who works in which zone? Each zone's own process, asked for verbs; nobody reaches a zone from outside with SQL."""
