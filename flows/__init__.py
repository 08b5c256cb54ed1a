"""The verbs in order: thin Prefect flows over plain functions, with no rules of their own."""
