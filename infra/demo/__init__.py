"""The demo: synthetic people, the whole chain in plain words, and attacks on itself."""
