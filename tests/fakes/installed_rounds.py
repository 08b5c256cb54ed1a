"""Run as the orchestrator's account of an installed haven: `... HOME RECIPIENT` makes rounds and takes their keys.

RECIPIENT is a controller's, which root has listed. What came of each try is printed as JSON.
"""

from __future__ import annotations

import json
import sys
from base64 import b64encode
from dataclasses import asdict
from pathlib import Path

import pyrage

from infra.wiring import Haven
from linkage.sealed.rounds import RoundsInTheZone
from tests.fakes.account_probes import LIVING, tried
from tests.fakes.installed import keep_frames, recorded_frames
from tests.fakes.linkage_models import ENGINEER, reviewers

ENDED, FORGOTTEN = "summer", "spring"


def main(home: str, recipient: str) -> int:
    """One round that lives, one that is destroyed, and what must be refused."""
    frames = recorded_frames()
    haven = Haven.at(Path(home))
    reviewers(haven.records)
    custody, asked = haven.custody, RoundsInTheZone(haven.zone_runner)  # type: ignore[arg-type]
    made = {
        name: custody.create_round(name, "tokens", ["hospital"], by=ENGINEER).check_value
        for name in (LIVING, ENDED, FORGOTTEN)
    }
    own = str(pyrage.x25519.Identity.generate().to_public())
    refused = {
        "own recipient": tried(lambda: custody.use_round(LIVING, own, by=ENGINEER)),
        "own recipient, without records": tried(lambda: asked.sealed(LIVING, own, days=30, by=ENGINEER)),
        "standing round": tried(lambda: asked.sealed("spine", recipient, days=30, by=ENGINEER)),
        "standing round destroyed": tried(lambda: asked.destroy("spine", by=ENGINEER)),
        "the intake's verb": tried(lambda: asked.find(LIVING)),
    }
    sealed = custody.use_round(LIVING, recipient, by=ENGINEER)
    custody.use_round(FORGOTTEN, recipient, by=ENGINEER)
    asked.forget(FORGOTTEN, by=ENGINEER)  # past the records
    certificate = custody.destroy_round(ENDED, by=ENGINEER)
    told = {"made": made, "refused": refused, "certified": certificate["statement"]["check_value"]}
    told |= {"sealed": b64encode(sealed).decode(), "recipient": haven.delivery_recipient}
    told |= {"signer": custody.round_signer(), "ended": [asdict(one) for one in custody.ended_rounds()]}
    keep_frames(haven, frames)
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
