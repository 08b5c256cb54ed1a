"""Who was linked, by the records' own names? For whoever gave the files; no other column is in it."""

from __future__ import annotations

import polars as pl

from linkage.specified.service import Linked
from linkage.specified.specification import Specification
from linkage.specified.truth import record_ids


def found_links(linked: Linked, specification: Specification, frames: list[pl.DataFrame]) -> pl.DataFrame:
    """Two files: left, right, weight (log2 of the odds) of each link. One: record, person (a number) of each record.

    A record is named by the specification's record_id; without one by its row's number, from 1.
    """
    ids = [record_ids(specification, frame, right=place == 1) for place, frame in enumerate(frames)]
    if linked.cluster is not None:
        return pl.DataFrame({"record": ids[0], "person": linked.cluster})
    kept = linked.scored if linked.links is None else linked.links
    kept = kept.filter(pl.col("weight") >= specification.link.threshold).sort("l", "r")
    left, right = ids[0].gather(kept["l"]), ids[1].gather(kept["r"] - frames[0].height)
    return pl.DataFrame({"left": left, "right": right, "weight": kept["weight"].round(2)})
