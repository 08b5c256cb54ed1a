"""What do the facts mean? Pure: facts go in, findings come out; every one that does not hold says why and the mend.

Rule: fail closed. What could not be found out is never said to hold.
"""
