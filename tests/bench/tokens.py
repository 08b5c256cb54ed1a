"""What does a token cost? Cells per CPU-second of tokens and of pseudonyms, beside a loop over `hmac.digest`.

The columns repeat as a population's do: names by the frequencies of English names (Zipf), birthdays over ninety years,
postcodes of about 15 homes. A delivery of events names each person many times; a register names each once. Each figure
is of the same cells on both sides, and the tokens of both sides are compared byte for byte.
"""

from __future__ import annotations

import gc
import hmac
import os
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from access.keys.model import HeldKey, check_value
from linkage.scopes.pseudonyms import pseudonyms_of
from linkage.tokens import tokenise

NAME = "tokens: cells per CPU-second, beside a loop over hmac.digest"
EVENTS_PER_PERSON = 10
SURNAMES, FORENAMES = 150_000, 40_000
PEOPLE_PER_POSTCODE = 38  # England: 57 million people, 1.5 million live postcodes
REPEATS = 3


def run(quick: bool) -> list[tuple[str, float, str]]:
    """For each column: the share of distinct values, cells a CPU-second, and the ratio; then sums and pseudonyms."""
    rows = 500_000 if quick else 3_000_000
    key = _key()
    lines: list[tuple[str, float, str]] = [("cells in each column", rows, "cells")]
    for title, people in (("events", rows // EVENTS_PER_PERSON), ("register", rows)):
        spent_loop = spent_ours = 0.0
        for name, values in _columns(rows, people):
            loop, ours = _compared(values, name, key)
            spent_loop, spent_ours = spent_loop + loop, spent_ours + ours
            lines += [
                (f"{title}, {name}: distinct", values.n_unique() / rows, "of the cells"),
                (f"{title}, {name}: loop", rows / loop, "cells/CPU-s"),
                (f"{title}, {name}: tokens", rows / ours, "cells/CPU-s"),
                (f"{title}, {name}: ratio", loop / ours, "times"),
            ]
        lines.append((f"{title}, all columns: ratio", spent_loop / spent_ours, "times"))
    return lines + _pseudonyms(rows, key)


def _columns(rows: int, people: int) -> Iterator[tuple[str, pl.Series]]:
    """Identity columns of `people`, each of them in as many of the rows as the others; one at a time in memory."""
    dice = np.random.default_rng(7)
    who = dice.permutation(np.arange(rows) % people)
    yield "surname", _named("SURNAME", SURNAMES, people, dice).gather(who)
    yield "forename", _named("FORENAME", FORENAMES, people, dice).gather(who)
    days = np.datetime64("1935-01-01") + dice.integers(0, 90 * 365, people).astype("timedelta64[D]")
    yield "birthday", pl.Series(days).dt.to_string("%Y-%m-%d").gather(who)
    homes = dice.integers(0, max(1, people // PEOPLE_PER_POSTCODE), people)
    yield "postcode", _postcodes(max(1, people // PEOPLE_PER_POSTCODE)).gather(homes).gather(who)
    yield "NHS number", pl.Series(dice.permutation(np.arange(people)) + 4_000_000_000).cast(pl.String).gather(who)


def _named(stem: str, known: int, people: int, dice: np.random.Generator) -> pl.Series:
    """Names by rank: the commonest as common as the commonest English names are (1.3 and 2.5 of a hundred)."""
    weights = 1.0 / (np.arange(known) + 8.0)
    chosen = dice.choice(known, people, p=weights / weights.sum())
    return pl.Series([f"{stem}{rank:05d}" for rank in range(known)]).gather(chosen)


def _postcodes(known: int) -> pl.Series:
    return pl.Series([f"{'ABCDEFGHLMNPRSTW'[home % 16]}{home // 16 % 99} {home // 1584:05d}" for home in range(known)])


def _compared(values: pl.Series, domain: str, key: HeldKey) -> tuple[float, float]:
    """CPU-seconds of the loop and of tokenise over the same cells; raises when one token differs."""
    cells = values.to_list()
    expected, loop = _cpu(lambda: _loop(cells, domain, key))
    got, ours = _cpu(lambda: tokenise(values, domain, key))
    if not np.array_equal(np.frombuffer(b"".join(expected), dtype=">u8"), got.to_numpy()):
        raise AssertionError(f"the tokens of {domain} are not those of hmac.digest")
    return loop, ours


def _loop(cells: list[str], domain: str, key: HeldKey) -> list[bytes]:
    """The definition, cell by cell."""
    prefix = f"haven-token/1/{key.key_id}/{key.version}/{domain}\x00".encode()
    secret = key.key
    return [hmac.digest(secret, prefix + cell.encode(), "sha256")[:8] for cell in cells]


def _pseudonyms(rows: int, key: HeldKey) -> list[tuple[str, float, str]]:
    """One AES block each, beside the loop over the same ids; checked block by block at both ends."""
    ids = pa.Array.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(os.urandom(16 * rows))])
    listed = ids.to_pylist()
    secret = key.key
    _, loop = _cpu(lambda: [hmac.digest(secret, one, "sha256")[:16] for one in listed])
    made, ours = _cpu(lambda: pseudonyms_of(ids, key))
    for place in (*range(1000), *range(rows - 1000, rows)):
        block = Cipher(algorithms.AES256(secret), modes.ECB()).encryptor().update(listed[place])  # noqa: S305
        if made[place].as_py() != uuid.UUID(bytes=block):
            raise AssertionError("a pseudonym is not the AES block of its id")
    return [
        ("pseudonyms: loop", rows / loop, "ids/CPU-s"),
        ("pseudonyms: one AES block each", rows / ours, "ids/CPU-s"),
        ("pseudonyms: ratio", loop / ours, "times"),
    ]


def _cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and the least CPU time, of all threads of this process, of a few runs."""
    times = []
    for _ in range(REPEATS):
        gc.collect()
        started = time.process_time()
        result = work()
        times.append(time.process_time() - started)
    return result, min(times)


def _key() -> HeldKey:
    secret = os.urandom(32)
    return HeldKey("token/bench", 1, secret, check_value(secret))
