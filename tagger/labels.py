"""The label set: names and meanings, read from a TOML table and validated.

The same table is found in `labels.toml` (what an engine is trained for) and in the
`engine.toml` beside its weights (what it serves), so the two cannot drift apart.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Meaning = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Emotion(BaseModel):
    """One emotion: its name on the wire and when to show it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    meaning: Meaning


class LabelSet(BaseModel):
    """An ordered set of emotions and the meaning of "celebrate".

    The order is the order of the model's outputs. `safe_default` is the emotion shown
    when no answer could be had.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    safe_default: Name
    celebrate_meaning: Meaning
    emotions: Annotated[tuple[Emotion, ...], Field(min_length=2, max_length=64)]

    @model_validator(mode="after")
    def _consistent(self) -> LabelSet:
        names = self.names
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise ValueError(f"emotion named more than once: {', '.join(twice)}")
        if self.safe_default not in names:
            raise ValueError(
                f"safe_default is {self.safe_default!r}; expected one of {', '.join(names)}"
            )
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """Emotion names in output order."""
        return tuple(e.name for e in self.emotions)
