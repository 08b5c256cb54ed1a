"""The doctor's eyes: facts of one subject each. They change nothing, start nothing, and make no file."""
