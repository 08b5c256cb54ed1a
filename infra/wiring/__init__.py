"""Which adapter stands behind which port? One file a subject; together they are the haven (haven.py)."""
