"""Mode B: records that come as composite tokens, without any identifier (docs/adr/0012-mode-b.md)."""
