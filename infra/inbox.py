"""Where does a delivery wait? In the haven's inbox, or staged from any path under an opaque id.

Prefect keeps and shows flow parameters, and a path may name a person; so a flow gets the opaque id only.
The inbox is the haven's own: a delivery that was received is removed from it, because in the zones it lies
encrypted and split. A path that somebody staged by hand is left as it was.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

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

    def stage(self, path: Path) -> str:
        """Give a delivery an opaque id; the same path gets the same id while it waits."""
        for known in self._staged().glob("*.json"):
            if json.loads(known.read_text(encoding="utf-8"))["path"] == str(path.absolute()):
                return known.stem
        batch = uuid.uuid4().hex
        draft = self._staged() / f"{batch}.part"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"path": str(path.absolute())}), encoding="utf-8")
        draft.replace(self._staged() / f"{batch}.json")
        return batch

    def path_of(self, batch: str) -> Path:
        """Where the delivery lies. Raises UnknownBatch."""
        staged = self._staged() / f"{batch}.json"
        if not BATCH.fullmatch(batch) or not staged.exists():
            raise UnknownBatch(
                "No delivery is staged under this id.", mend="Stage it with `haven flow run ingest PATH`."
            )
        return Path(json.loads(staged.read_text(encoding="utf-8"))["path"])

    def waiting(self, dataset: str) -> list[str]:
        """The ids of all that lies in one dataset's inbox."""
        folder = self.folder / dataset
        if not folder.is_dir():
            return []
        return [self.stage(path) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]

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
