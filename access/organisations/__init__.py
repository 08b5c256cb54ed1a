"""Who sends, holds and receives data, and under which agreement."""
