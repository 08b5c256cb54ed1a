"""Which key for what? A root key wraps role keys; from these come zone, scope, project and signing keys.

The root key lies in a sealed file, in a PKCS#11 token, or in Vault's or OpenBao's transit engine (access.keys.roots).
Keys live in memory only: never in an argument, an environment variable, SQL text, a log or a repr (design section 9).
Every held key carries a check value, so that a wrong key fails at once and not as a match rate of nought.
"""

from access.keys.errors import KeyRingError
from access.keys.model import HeldKey, KeyRole, check_value
from access.keys.ring import KeyRing, rotate_root
from access.keys.roots.sealed_file import PASSPHRASE_FILE, ROOT_FILE

__all__ = [
    "PASSPHRASE_FILE",
    "ROOT_FILE",
    "HeldKey",
    "KeyRing",
    "KeyRingError",
    "KeyRole",
    "check_value",
    "rotate_root",
]
