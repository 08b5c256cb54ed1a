"""How long is what was delivered kept, and what proves that it is gone?"""
