"""A compressed archive is whole or damaged, wherever it was cut; a large one is read from first byte to last."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import pytest

from linkage.intake.reasons import Fault
from linkage.intake.unpack import opened_delivery
from tests.fakes.deliveries import intact


def _packed(folder: Path, *, backwards: bool) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in sorted(folder.iterdir(), reverse=backwards):
            archive.add(path, arcname=path.name)
    return out.getvalue()


@pytest.mark.parametrize("backwards", [False, True])
def test_wherever_it_was_cut_it_is_damaged(tmp_path: Path, backwards: bool) -> None:
    """To a tar a stream that ends early looks like the archive's end: files would be missing, or short."""
    whole, path = _packed(intact(tmp_path / "gp1"), backwards=backwards), tmp_path / "gp1.tar.gz"
    for cut in range(24, len(whole), 23):
        path.write_bytes(whole[:cut])
        with pytest.raises(Fault) as refused, opened_delivery(path, tmp_path):
            pass
        assert refused.value.code == "archive.damaged", cut


@pytest.mark.parametrize("backwards", [False, True])
def test_a_large_one_is_read_whole(tmp_path: Path, backwards: bool) -> None:
    """Also where it does not fit into what is read at once."""
    folder, path = intact(tmp_path / "gp1"), tmp_path / "gp1.tar.gz"
    (folder / "noise.bin").write_bytes(random.Random(1).randbytes(2_000_000))  # noqa: S311 - invented values
    path.write_bytes(_packed(folder, backwards=backwards))
    with opened_delivery(path, tmp_path) as opened:
        for name in opened.entries():
            with opened.reader(name) as file:
                assert file.read() == (folder / name).read_bytes()
