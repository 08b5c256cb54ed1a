"""How right was the linkage, and what may be said of it outside?"""
