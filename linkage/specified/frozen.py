"""What was learned, kept as numbers: used again only with the engine, the version and the specification it is for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from linkage.specified.errors import ModelRefused


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class LevelModel(_Part):
    """One level: how often it is seen in pairs of one person (m), and by chance (u)."""

    label: str
    m: float = Field(gt=0, le=1)
    u: float = Field(gt=0, le=1)


class ComparisonModel(_Part):
    """The levels of one comparison, in the specification's order; the last is disagreement."""

    of: str
    levels: tuple[LevelModel, ...]


class FrozenModel(_Part):
    """A trained model, bound to what it was made with."""

    haven_linkage_model: Literal[1] = 1
    engine: str
    splink: str
    specification: str
    prior: float = Field(gt=0, lt=1)
    comparisons: tuple[ComparisonModel, ...]
    standardisation: str | None = None  # the version of the haven's own rules; a specification has them in itself

    def comparison(self, name: str) -> ComparisonModel:
        """The comparison of this column."""
        return next(one for one in self.comparisons if one.of == name)

    def write(self, path: Path) -> None:
        """As JSON, whole or not at all."""
        draft = path.with_suffix(path.suffix + ".part")
        draft.write_text(json.dumps(self.model_dump(), indent=2), encoding="utf-8")
        draft.replace(path)


def load_model(path: Path, *, engine: str, version: str, digest: str) -> FrozenModel:
    """Read a frozen model. Raises ModelRefused when it is no model, or one for something else."""
    try:
        model = FrozenModel.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelRefused(
            f"The model cannot be read ({error.strerror}).",
            where=str(path),
            mend="Name a file that --save-model wrote.",
        ) from None
    except (ValidationError, UnicodeDecodeError):
        raise ModelRefused(
            "This file is not a linkage model of this version.", where=str(path), mend="Train again with --save-model."
        ) from None
    made_for = (model.engine, model.splink)
    if made_for != (engine, version):
        raise ModelRefused(
            f"The model was made for {made_for[0]} with Splink {made_for[1]}; this is {engine} with Splink {version}.",
            where=str(path),
            mend="A model does not move between engines or versions: train again with --save-model.",
        )
    if model.specification != digest:
        raise ModelRefused(
            "The model was made for another specification: columns, comparisons or training differ.",
            where=str(path),
            mend="Use the specification it was made with, or train again with --save-model.",
        )
    return model
