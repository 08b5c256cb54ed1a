"""The rounds' keys where they lie with the linkage zone's account: asked for by verbs, never given to whoever asks."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence

from access.keys.model import EndedRound, RoundEnd, RoundSign
from linkage.separation.ports import Plain, ZoneRunner


class RoundsInTheZone:
    """As access.keys.ports.RoundPlace for the orchestrator; as RoundSigns for the intake. Each may ask its own only."""

    def __init__(self, zones: ZoneRunner) -> None:
        self._zones = zones

    def create(self, name: str, datasets: Sequence[str], *, by: str) -> RoundSign:
        """As the port says."""
        return _sign(self._asked("rounds.create", name, datasets=list(datasets), by=by))

    def find(self, name: str) -> RoundSign | None:
        """As the port says."""
        found = self._asked("rounds.find", name)["found"]
        return _sign(found) if found else None

    def sealed(self, name: str, recipient: str, *, days: int, by: str) -> bytes:
        """As the port says."""
        return b64decode(self._asked("rounds.sealed", name, recipient=recipient, days=days, by=by)["sealed"])

    def signer(self) -> str:
        """As the port says."""
        return str(self._zones.run("rounds.signer").data["signer"])

    def destroy(self, name: str, *, by: str) -> bool:
        """As the port says."""
        return bool(self._asked("rounds.destroy", name, by=by)["gone"])

    def forget(self, name: str, *, by: str) -> None:
        """As the port says."""
        self._asked("rounds.forget", name, by=by)

    def ended(self) -> list[EndedRound]:
        """As the port says."""
        found = self._zones.run("rounds.ended").data["ended"]
        return [EndedRound(**{**one, "end": RoundEnd(one["end"]), "datasets": tuple(one["datasets"])}) for one in found]

    def _asked(self, verb: str, name: str, **more: str | int | list[str]) -> Plain:
        return self._zones.run(verb, {"name": name, **more}).data


def _sign(told: Plain) -> RoundSign:
    return RoundSign(**{**told, "datasets": tuple(told["datasets"])})
