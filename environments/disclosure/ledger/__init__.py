"""Whom did each released cell count? Sets of people, so that two tables that differ by too few are seen."""
