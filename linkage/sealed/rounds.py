"""The rounds' keys where they lie with the linkage zone's account: asked for by verbs, never given to whoever asks."""

from __future__ import annotations

from base64 import b64decode

from access.keys.model import KeyName
from linkage.separation.ports import ZoneRunner


class RoundsInTheZone:
    """As access.keys.ports.RoundPlace for the orchestrator; as RoundSigns for the intake. Each may ask its own only."""

    def __init__(self, zones: ZoneRunner) -> None:
        self._zones = zones

    def create(self, name: str) -> KeyName:
        """As the port says."""
        return KeyName(**self._zones.run("rounds.create", {"name": name}).data)

    def find(self, name: str) -> KeyName | None:
        """As the port says."""
        found = self._zones.run("rounds.find", {"name": name}).data["found"]
        return KeyName(**found) if found else None

    def sealed(self, name: str, recipient: str) -> bytes:
        """As the port says."""
        return b64decode(self._zones.run("rounds.sealed", {"name": name, "recipient": recipient}).data["sealed"])

    def destroy(self, name: str) -> bool:
        """As the port says."""
        return bool(self._zones.run("rounds.destroy", {"name": name}).data["gone"])

    def forget(self, name: str) -> None:
        """As the port says."""
        self._zones.run("rounds.forget", {"name": name})
