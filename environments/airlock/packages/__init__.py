"""The curated package index: what a project's workspaces may install, by request, review, and hash."""
