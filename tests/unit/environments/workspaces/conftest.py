"""The hub's code is no package of the haven: the tests of its pure parts find it in its own folder."""

from __future__ import annotations

import sys
from pathlib import Path

HUB_CODE = Path(__file__).resolve().parents[4] / "clients" / "haven-hub"
sys.path.insert(0, str(HUB_CODE))
