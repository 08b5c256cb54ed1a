"""What has been found so far in one file? Each finding once, and of each code only the first ones in words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from environments.inspection.limits import MOST_OF_A_CODE
from environments.inspection.model import FileFinding, FindingCode
from environments.inspection.sentences import SENTENCES


@dataclass
class Notes:
    """Filled by one inspector. own_numbers: 128-bit numbers that the format itself needs."""

    findings: list[FileFinding] = field(default_factory=list)
    own_numbers: set[str] = field(default_factory=set)
    more: int = 0
    _seen: set[tuple[FindingCode, str | None]] = field(default_factory=set)
    _counted: Counter[FindingCode] = field(default_factory=Counter)

    def add(self, code: FindingCode, where: str | None = None, *, what: str = "", mend: str = "") -> None:
        """Note a finding; what and mend where the usual sentences are not close enough."""
        if (code, where) in self._seen:
            return
        self._counted[code] += 1
        if self._counted[code] > MOST_OF_A_CODE:
            self.more += 1
            return
        self._seen.add((code, where))
        usual = SENTENCES.get(code, ("", ""))
        self.findings.append(FileFinding(code, what or usual[0], where, mend or usual[1]))

    def is_full(self, code: FindingCode) -> bool:
        """Were so many of this code noted that a further one is only counted?"""
        return self._counted[code] >= MOST_OF_A_CODE
