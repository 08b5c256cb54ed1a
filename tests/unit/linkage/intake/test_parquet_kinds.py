"""A Parquet file of kinds whose values are written out for each row is refused before a row is."""

from __future__ import annotations

import io
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from linkage.intake.parquet import BoundedParquet
from linkage.intake.reasons import Fault


@pytest.mark.parametrize(
    ("kind", "value"),
    [(pa.binary(1 << 20), b"\0" * (1 << 20)), (pa.decimal256(60, 2), Decimal(1))],
    ids=["a megabyte of fixed length", "a decimal of 25 bytes"],
)
def test_long_values_of_fixed_length_are_refused(kind: pa.DataType, value: object) -> None:
    """One value in the dictionary would be as many as there are rows in memory."""
    file = io.BytesIO()
    pq.write_table(pa.table({"a": pa.array([value] * 3, kind)}), file)
    with pytest.raises(Fault) as refused:
        BoundedParquet(file, file.getbuffer().nbytes)
    assert refused.value.code == "parquet.too_large"


def test_uuids_and_decimals_are_read() -> None:
    """What is as short as a number stays."""
    file = io.BytesIO()
    table = pa.table({"a": pa.array([b"0" * 16], pa.binary(16)), "b": pa.array([Decimal("1.5")], pa.decimal128(9, 1))})
    pq.write_table(table, file)
    (batch,) = BoundedParquet(file, file.getbuffer().nbytes).batches()
    assert batch.num_rows == 1
