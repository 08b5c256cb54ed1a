"""Is the log whole? A stranger's check: it imports nothing of the writer and trusts nothing but the public key.

`python -m audit.verifier FOLDER [--public-key FILE] [--json]`

Steps, each named in what it finds:
 1. the newest checkpoint is in canonical form and signed by the log's key;
 2. every bundle of entries is there, of the right width, and every entry is one canonical event;
 3. every leaf hash, every tile of hashes and the root are derived again (RFC 6962) and compared;
 4. every earlier checkpoint in checkpoints.log is signed and its root is a root of a prefix of this very tree;
 5. the journal behind the checkpoint holds whole frames of canonical events (the unsigned tail, told apart);
 6. no other file lies between them.

What it cannot see: a log cut back to an earlier checkpoint together with checkpoints.log. A witness outside the
administrators' reach will keep the newest checkpoint; until then, keep a copy of it elsewhere and pass it as --newest.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import struct
import sys
import time
import zlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

WIDTH = 256
HASH_BYTES = 32
NOT_WHOLE = 1
MOST_LOOKS, SECONDS_TO_MOVE = 20, 1.5  # a writer signs each second
OWN_FILES = {"checkpoint", "checkpoints.log", "log.key", "log.pub", "origin", ".writer", "writer.log"}
OWN_FOLDERS = {"tile", "journal", "texts"}


@dataclass
class Finding:
    """One thing that is wrong: which step found it, in which file, at which entry or byte when known."""

    step: str
    file: str
    what: str
    entry: int | None = None
    offset: int | None = None


@dataclass
class Verdict:
    """What was verified. `whole` is true only without findings."""

    entries: int = 0
    unsigned: int = 0
    checkpoints: int = 0
    root: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """No step found anything."""
        return not self.findings

    def sentences(self) -> list[str]:
        """The verdict in words."""
        if self.whole:
            tail = f" {self.unsigned} newer entries are written and not signed yet." if self.unsigned else ""
            return [
                f"The log is whole: {self.entries} entries, {self.checkpoints} checkpoints, every hash and "
                f"signature derived again.{tail}"
            ]
        return ["THE LOG IS NOT WHOLE."] + [_sentence(finding) for finding in self.findings]


def _sentence(finding: Finding) -> str:
    place = finding.file
    if finding.entry is not None:
        place += f", entry {finding.entry}"
    if finding.offset is not None:
        place += f", byte {finding.offset}"
    return f"{place}: {finding.what} (step: {finding.step})"


class _Check:
    """One run over one folder."""

    def __init__(self, folder: Path, key: Ed25519PublicKey, newest: str | None) -> None:
        self.folder = folder
        self.key = key
        self.newest = newest
        self.verdict = Verdict()
        self._note: bytes | None = None
        self.expected: set[str] = set()
        self._done: dict[int, int] = {}  # per level: how many full tiles of it were compared

    def run(self) -> Verdict:
        note = self._note = self._read("checkpoint")
        size, root = 0, hashlib.sha256(b"").digest()
        if note is None:
            if (self.folder / "checkpoints.log").exists() or (self.folder / "tile").exists():
                self._find("1 checkpoint", "checkpoint", "is missing")
        elif signed := self._signed(note.decode("utf-8", "replace"), "checkpoint"):
            size, root = signed
        self.verdict.entries, self.verdict.root = size, root.hex()
        earlier = self._earlier_checkpoints(size, root)
        self._derive(size, root, earlier)
        self._journal(size)
        self._other_files()
        return self.verdict

    def outdated(self) -> bool:
        """Is a writer at work? Then a finding may be a checkpoint half way. Returns right after the next is signed."""
        until = time.monotonic() + SECONDS_TO_MOVE
        while (same := self._read("checkpoint") == self._note) and time.monotonic() < until:
            time.sleep(0.05)
        return not same

    # --- 1 and 4: checkpoints ----------------------------------------------------------------------------------

    def _signed(self, note: str, file: str, offset: int | None = None) -> tuple[int, bytes] | None:
        """Size and root of a note that our key signed and that is byte for byte what we would write."""
        origin = (self._read("origin") or b"").decode("ascii", "replace")
        lines = note.split("\n")
        try:
            size, root = int(lines[1]), base64.b64decode(lines[2], validate=True)
            body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
            key_id = hashlib.sha256(origin.encode() + b"\n\x01" + self.key.public_bytes_raw()).digest()[:4]
            blob = base64.b64decode(lines[4].removeprefix(f"\u2014 {origin} "), validate=True)
            expected = f"{body}\n\u2014 {origin} {base64.b64encode(blob).decode()}\n"
            # Nothing may follow yet: a witness's line will be allowed here with the keys of the witnesses.
            if note != expected or blob[:4] != key_id:
                raise ValueError
            self.key.verify(blob[4:], body.encode())
        except (ValueError, IndexError, InvalidSignature):
            self._find("1 checkpoint", file, "is damaged, or not signed by the log's key", offset=offset)
            return None
        return size, root

    def _earlier_checkpoints(self, size: int, root: bytes) -> dict[int, bytes]:
        """Every signed checkpoint so far: size to root. The newest must be the last of them."""
        roots: dict[int, bytes] = {}
        content, offset, last = self._read("checkpoints.log") or b"", 0, 0
        for line in content.splitlines(keepends=True):
            try:
                note = str(json.loads(line)["note"])
                if line != json.dumps({"note": note}).encode() + b"\n":
                    raise ValueError
            except (ValueError, KeyError, TypeError):
                self._find("4 earlier checkpoints", "checkpoints.log", "a line is damaged", offset=offset)
            else:
                if signed := self._signed(note, "checkpoints.log", offset):
                    if signed[0] < last:
                        self._find("4 earlier checkpoints", "checkpoints.log", "the tree shrank", offset=offset)
                    last = signed[0]
                    roots[signed[0]] = signed[1]
            offset += len(line)
        self.verdict.checkpoints = len(roots)
        if size and roots.get(size) != root:
            self._find("4 earlier checkpoints", "checkpoints.log", "does not hold the newest checkpoint")
        if self.newest is not None and (kept := self._signed(self.newest, "the checkpoint you kept")):
            roots[kept[0]] = kept[1]
        if roots and max(roots) > size:
            self._find(
                "4 earlier checkpoints",
                "checkpoint",
                f"the log was cut back: {max(roots)} entries were signed, {size} are told",
            )
        return roots

    # --- 2 and 3: entries, tiles, root -------------------------------------------------------------------------

    def _derive(self, size: int, root: bytes, earlier: dict[int, bytes]) -> None:
        """One pass over all entries: leaves, tiles level by level, the root, and the root at each earlier size."""
        peaks: list[tuple[int, bytes]] = []  # roots of full subtrees, by height, largest first
        level_zero: list[bytes] = []
        levels: list[list[bytes]] = []
        index = 0
        for entry in self._entries(size):
            leaf = hashlib.sha256(b"\x00" + entry).digest()
            level_zero.append(leaf)
            _add_peak(peaks, leaf)
            index += 1
            if index in earlier and _fold(peaks) != earlier[index]:
                self._find(
                    "4 earlier checkpoints", "checkpoints.log", f"the root signed at {index} entries does not fit"
                )
            if len(level_zero) == WIDTH:
                self._tile(levels, 0, level_zero)
                level_zero = []
        self._partial(levels, level_zero)
        derived = _fold(peaks) if peaks else hashlib.sha256(b"").digest()
        if index == size and derived != root:
            self._find("3 root", "checkpoint", "the signed root does not fit the entries")

    def _entries(self, size: int) -> Iterator[bytes]:
        for number in range((size + WIDTH - 1) // WIDTH):
            width = min(WIDTH, size - number * WIDTH)
            name = _tile_name("entries", number, width)
            content = self._read(name, required="2 entries")
            if content is None:
                return
            at, count = 0, 0
            while at < len(content):
                index = number * WIDTH + count
                length = struct.unpack_from(">H", content, at)[0] if at + 2 <= len(content) else len(content)
                entry = content[at + 2 : at + 2 + length]
                if len(entry) != length or not length:
                    self._find("2 entries", name, "an entry is cut off", entry=index, offset=at)
                    return
                if problem := _not_canonical(entry):
                    self._find("2 entries", name, problem, entry=index, offset=at)
                yield entry
                at, count = at + 2 + length, count + 1
            if count != width:
                self._find("2 entries", name, f"holds {count} entries, not {width}")
                return

    def _tile(self, levels: list[list[bytes]], level: int, hashes: list[bytes]) -> None:
        """Compare a full tile with what was derived, and carry its root one level up."""
        while len(levels) <= level + 1:
            levels.append([])
        number = len(levels[level + 1]) + self._tiles_done(levels, level + 1)
        self._compare(_tile_name(level, number, WIDTH), hashes, level, number)
        levels[level + 1].append(_root_of(hashes))
        if len(levels[level + 1]) == WIDTH:
            full, levels[level + 1] = levels[level + 1], []
            self._done[level + 1] = self._done.get(level + 1, 0) + 1
            self._tile(levels, level + 1, full)

    def _tiles_done(self, levels: list[list[bytes]], level: int) -> int:
        return self._done.get(level, 0) * WIDTH

    def _partial(self, levels: list[list[bytes]], level_zero: list[bytes]) -> None:
        rows = [level_zero, *levels[1:]] if levels else [level_zero]
        for level, hashes in enumerate(rows):
            if hashes:
                below = len(rows[level + 1]) if level + 1 < len(rows) else 0
                number = below + self._tiles_done(levels, level + 1)
                self._compare(_tile_name(level, number, len(hashes)), hashes, level, number)

    def _compare(self, name: str, hashes: list[bytes], level: int, number: int) -> None:
        content = self._read(name, required="3 tiles")
        if content is None or content == b"".join(hashes):
            return
        if len(content) != len(hashes) * HASH_BYTES:
            self._find("3 tiles", name, "has the wrong length")
            return
        for place, expected in enumerate(hashes):
            if content[place * HASH_BYTES : (place + 1) * HASH_BYTES] != expected:
                entry = number * WIDTH + place if level == 0 else None
                what = "the entry and its leaf hash differ" if level == 0 else "a hash is not what its subtree gives"
                self._find("3 tiles", name, what, entry=entry, offset=place * HASH_BYTES)
                return

    # --- 5 and 6: journal and strays ---------------------------------------------------------------------------

    def _journal(self, size: int) -> None:
        name = f"journal/{size:020d}"
        content = self._read(name)
        if content is None:
            if size:
                self._find("5 journal", name, "is missing")
            return
        at, index = 0, size
        while at < len(content):
            length, checksum = struct.unpack_from(">II", content, at) if at + 8 <= len(content) else (-1, 0)
            body = content[at + 8 : at + 8 + length]
            if length <= 0 or len(body) != length or zlib.crc32(body) != checksum:
                self._find("5 journal", name, "a frame is damaged or torn", entry=index, offset=at)
                return
            inner = 0
            while inner < length:
                (size_of,) = struct.unpack_from(">H", body, inner)
                if problem := _not_canonical(body[inner + 2 : inner + 2 + size_of]):
                    self._find("5 journal", name, problem, entry=index, offset=at + 8 + inner)
                inner, index = inner + 2 + size_of, index + 1
            at += 8 + length
        self.verdict.unsigned = index - size

    def _other_files(self) -> None:
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if path.is_dir() or name in OWN_FILES or name in self.expected:
                continue
            if name.startswith("texts/"):
                if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
                    self._find("6 other files", name, "the text is not the one its name is the hash of")
                continue
            self._find("6 other files", name, "does not belong to the log")

    # --- small things ------------------------------------------------------------------------------------------

    def _read(self, name: str, required: str | None = None) -> bytes | None:
        self.expected.add(name)
        try:
            return (self.folder / name).read_bytes()
        except OSError:
            if required:
                self._find(required, name, "is missing or cannot be read")
            return None

    def _find(self, step: str, file: str, what: str, *, entry: int | None = None, offset: int | None = None) -> None:
        self.verdict.findings.append(Finding(step, file, what, entry, offset))


def _not_canonical(entry: bytes) -> str | None:
    try:
        value = json.loads(entry)
        if not isinstance(value, dict) or _canonical(value) != entry:
            return "the entry is not in canonical form"
        if set(value) != {"specversion", "id", "source", "type", "time", "data"}:
            return "the entry is no event"
    except (ValueError, RecursionError):
        return "the entry cannot be read"
    return None


def _canonical(value: Any) -> bytes:
    """RFC 8785 for objects, lists, strings, whole numbers, booleans and null."""
    if isinstance(value, dict):
        items = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be", "surrogatepass"))
        return b"{" + b",".join(_canonical(key) + b":" + _canonical(item) for key, item in items) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_canonical, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _root_of(hashes: list[bytes]) -> bytes:
    peaks: list[tuple[int, bytes]] = []
    for value in hashes:
        _add_peak(peaks, value)
    return _fold(peaks)


def _add_peak(peaks: list[tuple[int, bytes]], value: bytes) -> None:
    height = 0
    while peaks and peaks[-1][0] == height:
        value = hashlib.sha256(b"\x01" + peaks.pop()[1] + value).digest()
        height += 1
    peaks.append((height, value))


def _fold(peaks: list[tuple[int, bytes]]) -> bytes:
    value = peaks[-1][1]
    for _, peak in reversed(peaks[:-1]):
        value = hashlib.sha256(b"\x01" + peak + value).digest()
    return value


def _tile_name(level: int | str, number: int, width: int) -> str:
    digits = f"{number % 1000:03d}"
    number //= 1000
    while number:
        digits, number = f"x{number % 1000:03d}/{digits}", number // 1000
    return f"tile/{level}/{digits}" + ("" if width == WIDTH else f".p/{width}")


def verify(folder: Path, public_key: Path | None = None, newest: str | None = None) -> Verdict:
    """Verify the log of a folder. `newest` is a checkpoint that somebody kept elsewhere."""
    path = public_key or folder / "log.pub"
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(path.read_text(encoding="ascii").strip()))
    except (OSError, ValueError):
        return Verdict(findings=[Finding("1 checkpoint", path.name, "the log's public key is missing or damaged")])
    for _ in range(MOST_LOOKS):
        check = _Check(folder, key, newest)
        if check.run().whole or not check.outdated():
            break
    return check.verdict


def main() -> int:
    """The command: 0 when the log is whole, 1 when it is not."""
    parser = argparse.ArgumentParser(prog="audit.verifier", description="Derive the whole log again and compare.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--public-key", type=Path, help="the log's key from elsewhere; default: log.pub beside it")
    parser.add_argument("--newest", type=Path, help="a checkpoint that was kept elsewhere")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    newest = options.newest.read_text(encoding="utf-8") if options.newest else None
    verdict = verify(options.folder, options.public_key, newest)
    if options.json:
        sys.stdout.write(json.dumps({"whole": verdict.whole, **asdict(verdict)}, indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(verdict.sentences()) + "\n")
    return 0 if verdict.whole else NOT_WHOLE


if __name__ == "__main__":
    sys.exit(main())
