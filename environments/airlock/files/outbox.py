"""How do released files get out? Prepared out of sight, put in place in one step once the log has the release.

What stands in the outbox under a request's number is whole and signed; what a crash leaves is hidden and made anew.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from environments.airlock.errors import OutboxFailed
from environments.airlock.files.container import sync_folder, write_durable
from environments.airlock.files.manifest import MANIFEST_FILE, RECALL_FILE

OPEN_FILE = 0o444
PRIVATE = 0o700


class Outbox:
    """The folder from which recipients are served, one folder per request.

    drafts: where what is prepared lies out of sight, on the same disk; else hidden in the folder. mode: of its folders.
    """

    def __init__(self, folder: Path, *, drafts: Path | None = None, mode: int = PRIVATE) -> None:
        self._folder, self._drafts, self._mode = folder, drafts or folder, mode

    def place(self, request: str) -> Path:
        """Where a request's files stand once they are out."""
        return self._folder / request

    def prepare(self, request: str, files: Mapping[str, bytes], manifest: str) -> None:
        """Write everything, durable, but not yet visible. Raises OutboxFailed."""
        draft = self._draft(request)
        try:
            self._drafts.mkdir(parents=True, exist_ok=True, mode=PRIVATE)
            if draft.exists():
                shutil.rmtree(draft)
            draft.mkdir(mode=self._mode)
            draft.chmod(self._mode)
            for name, content in {**files, MANIFEST_FILE: manifest.encode()}.items():
                write_durable(draft / name, content, OPEN_FILE)
            sync_folder(draft)
        except OSError as error:
            raise _failed(request, error) from None

    def is_prepared(self, request: str) -> bool:
        """Does a draft of it lie ready? Prepared again, it is made anew."""
        return self._draft(request).exists()

    def publish(self, request: str) -> Path:
        """Put what was prepared in place; done twice, it changes nothing. Raises OutboxFailed."""
        place, draft = self.place(request), self._draft(request)
        try:
            if not place.exists():
                if not self._folder.exists():
                    self._folder.mkdir(parents=True, mode=self._mode)
                    self._folder.chmod(self._mode)
                draft.rename(place)
                sync_folder(self._folder)
            elif draft.exists():
                shutil.rmtree(draft)
        except OSError as error:
            raise _failed(request, error) from None
        return place

    def take_back(self, request: str, notice: str) -> None:
        """Take the files out and leave the signed notice of the recall. Raises OutboxFailed."""
        place = self.place(request)
        try:
            place.mkdir(parents=True, exist_ok=True, mode=self._mode)
            for path in place.iterdir():
                path.unlink()
            write_durable(place / RECALL_FILE, notice.encode(), OPEN_FILE)
            sync_folder(place)
        except OSError as error:
            raise _failed(request, error) from None

    def _draft(self, request: str) -> Path:
        return self._drafts / f".{request}.part"


def _failed(request: str, error: OSError) -> OutboxFailed:
    return OutboxFailed(
        f"The outbox cannot be written ({error.strerror or type(error).__name__}).",
        where=f"request {request}",
        mend="Make room or mend the disk; an operator then submits the request again.",
    )
