"""May this happen to this request for a package now? Pure questions; who a person is comes in as a decision."""

from __future__ import annotations

import re

from access.decisions import Allowed, Decision, Refused
from environments.airlock.packages.model import PackageRequest
from environments.airlock.packages.states import OWNER, PackageState, may_move

PINNED = re.compile(r"([A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?)==([0-9][A-Za-z0-9.+!]{0,39})")
SHORTEST_WHY = 20


def may_go(request: PackageRequest, after: PackageState) -> Decision:
    """Does the table of states let the request go there?"""
    if may_move(request.state, after):
        return Allowed()
    return Refused(
        "package.not_its_turn",
        f"The request is {request.state}: it cannot become {after}.",
        f"Next to act: {OWNER[request.state]}.",
    )


def is_founded(pinned: str, why: str) -> Decision:
    """Is exactly one version named, and said what it is for?"""
    if not PINNED.fullmatch(pinned):
        return Refused("package.not_pinned", "A request names one version of one package.", "Write name==version.")
    if len(why.strip()) < SHORTEST_WHY:
        return Refused(
            "package.purpose_missing",
            "A request says what the package is for.",
            f"Say it with --why, in {SHORTEST_WHY} characters at least.",
        )
    return Allowed()


def is_new(taken: bool) -> Decision:
    """A version is asked for once, while that request lives."""
    if taken:
        return Refused("package.asked_already", "This version was asked for in this project.", "haven package list")
    return Allowed()


def says_why(why: str) -> Decision:
    """A review has its reason."""
    return Allowed() if why.strip() else Refused("package.reason_missing", "A review says why.", "Say it with --why.")


def may_mirror(request: PackageRequest, sha256: str) -> Decision:
    """An approved package is mirrored once; the same file again only finishes what a crash left."""
    if request.state is PackageState.MIRRORED and request.sha256 == sha256:
        return Allowed()
    return may_go(request, PackageState.MIRRORED)
