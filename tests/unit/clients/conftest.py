"""The client for notebooks is no package of the haven: its tests find it in its own folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "clients" / "haven-client"))
