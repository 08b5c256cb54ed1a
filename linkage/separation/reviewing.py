"""A reviewer at the door of the linkage zone: asks its process over the socket, as their own account. Opens nothing."""

from __future__ import annotations

from collections.abc import Sequence

from audit.progress import silent
from linkage.matching.residual.shown import ShownField, ShownPair
from linkage.separation.client import ZonePlace, asked, connected
from linkage.separation.ports import Plain


class ReviewersDoor:
    """The door of one haven. place: where the linkage zone's process answers."""

    def __init__(self, place: ZonePlace) -> None:
        self._place = place

    def next_pair(self, passed: Sequence[str]) -> tuple[ShownPair | None, int]:
        """The next pair that waits, and how many do; passed: those to pass over. Raises ZoneForbids, ZoneAway."""
        data = self._ask("review.next", {"passed": list(passed)})
        return data["pair"] and _pair_of(data["pair"]), data["left"]

    def decide(self, pair: str, said: str, comment: str) -> None:
        """same, different or unsure. Raises NoPair: somebody else has answered."""
        self._ask("review.decide", {"pair": pair, "said": said, "comment": comment})

    def name_objector(self, told: Plain) -> None:
        """Whose wish an objection is. told: number, objection, at, test_range. Raises NumberUnfit, ObjectorNamed."""
        self._ask("optouts.name_objector", told)

    def _ask(self, verb: str, arguments: Plain) -> Plain:
        with connected(self._place) as wire:
            return asked(wire, verb, arguments, (), silent, None).data


def _pair_of(data: Plain) -> ShownPair:
    fields = tuple(
        ShownField(**{**one, "written": tuple(one["written"]), "compared": tuple(one["compared"])})
        for one in data["fields"]
    )
    others = tuple((what, weight) for what, weight in data["others"])
    told = {**data, "datasets": tuple(data["datasets"]), "fields": fields, "others": others}
    return ShownPair(**told)
