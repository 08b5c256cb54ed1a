"""Where is a delivery read and split, if not here? In the process of the intake's own account, behind this port."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from audit.progress import Progress
from linkage.intake.manifest import Manifest
from linkage.intake.receipt import Receipt


class IntakeDoor(Protocol):
    """The intake's process. Raises Fault as reading here would; ZoneAway, ZoneForbids."""

    def manifest(self, path: Path) -> tuple[Manifest, bool]:
        """The manifest of the delivery at this path, which only the intake's account can read; is it signed?

        By the key that its controller has here, found to be right.
        """
        ...

    def take_in(self, receipt: Receipt, progress: Progress) -> None:
        """Read, judge and split; what was counted is put into the receipt, also when a Fault ends it."""
        ...

    def one_delivery_at_a_time(self) -> AbstractContextManager[None]:
        """Hold the intake."""
        ...
