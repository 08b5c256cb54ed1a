"""The command line `haven`: one module per topic. Top-level imports here stay light (see main.py)."""
