"""Where does a delivery wait? In the haven's inbox, or staged from any path under an opaque id.

Prefect keeps and shows flow parameters, and a path may name a person; so a flow gets the opaque id only.
The inbox is the haven's own: a delivery that was received is removed from it, because in the zones it lies
encrypted and split. A path that somebody staged by hand is left as it was, and is taken in as by them.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

from access.people.policies import INBOX_SWEEP
from audit.model import Actor
from infra.errors import DeploymentError

BATCH = re.compile(r"[0-9a-f]{32}")


class UnknownBatch(DeploymentError):
    """No delivery is staged under this id."""

    code = "inbox.unknown_batch"
    exit_status = 66


@dataclass(frozen=True)
class Inbox:
    """Deliveries that wait, by dataset: <folder>/<dataset>/<delivery>; staged ids in <folder>/.staged."""

    folder: Path

    def stage(self, path: Path, *, by: Actor) -> str:
        """Give a delivery an opaque id, and keep who takes it in; the same path keeps its id while it waits."""
        place = str(path.absolute())
        known = (one for one in self._staged().glob("*.json") if json.loads(one.read_bytes())["path"] == place)
        batch = next((one.stem for one in known), None) or uuid.uuid4().hex
        draft = self._staged() / f"{batch}.part"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"path": place, "by": by}), encoding="utf-8")
        draft.replace(self._staged() / f"{batch}.json")
        return batch

    def path_of(self, batch: str) -> Path:
        """Where the delivery lies. Raises UnknownBatch."""
        return Path(self._read(batch)["path"])

    def staged_by(self, batch: str) -> Actor:
        """Who takes it in: the person who staged it, or the sweep that found it. Raises UnknownBatch."""
        return Actor(self._read(batch)["by"])

    def _read(self, batch: str) -> dict[str, str]:
        staged = self._staged() / f"{batch}.json"
        if not BATCH.fullmatch(batch) or not staged.exists():
            raise UnknownBatch(
                "No delivery is staged under this id.", mend="Stage it with `haven flow run ingest PATH --as NAME`."
            )
        found: dict[str, str] = json.loads(staged.read_bytes())
        if "by" not in found:  # staged by an older version, which did not keep who
            raise UnknownBatch(
                "It is not known who staged this delivery.", mend="Run `haven flow run ingest PATH --as NAME` again."
            )
        return found

    def waiting(self, dataset: str) -> list[str]:
        """The ids of all that lies in one dataset's inbox, staged for the sweep; for nothing else it stages."""
        folder = self.folder / dataset
        if not folder.is_dir():
            return []
        return [self.stage(path, by=INBOX_SWEEP) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]

    def finish(self, batch: str) -> None:
        """The delivery is in the haven: forget the id, and empty its place in the inbox."""
        path = self.path_of(batch)
        if self.folder.absolute() in path.parents:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        (self._staged() / f"{batch}.json").unlink(missing_ok=True)

    def _staged(self) -> Path:
        folder = self.folder / ".staged"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder
