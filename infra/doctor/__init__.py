"""`haven doctor`: facts are gathered (looking/), rules say what they mean (policies), and words are found (words)."""
