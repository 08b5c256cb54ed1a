"""Who is who? The guarded ladder, the person spine, the links, and how good they are."""
