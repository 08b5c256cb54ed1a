"""Whom did each table count that left, or waits to leave? So that no two differ by too few people."""
