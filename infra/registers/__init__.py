"""The public register: what the haven holds, lets in and out, decides and refuses, generated from records and log."""
