"""How are people linked in files that nobody here has seen? By a specification file: columns, comparisons, blocking."""
