"""What a workspace must withstand, as tables: attempts from a kernel, and attempts by a page in a browser.

Each attempt stands with its control: where the same text succeeds without the protection. Any spawner is held to them.
"""
