"""Labelled exchanges as JSON lines: the one file format of data, evaluation and distillation.

for record in read_jsonl(Path("test.jsonl")): ...
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from tagger.errors import DataError, InvalidExchange
from tagger.types import Exchange, Speaker, Turn

if TYPE_CHECKING:
    from pathlib import Path

YesNo = Literal["yes", "no"]
Name = Annotated[str, StringConstraints(pattern=r"^[\w .:-]{1,64}$")]


class TurnRecord(BaseModel):
    """One earlier turn."""

    model_config = ConfigDict(extra="forbid")

    speaker: Speaker
    text: str


class SecondLabels(BaseModel):
    """What a second reader, who did not see the first labels, answered."""

    model_config = ConfigDict(extra="forbid")

    emotion: str
    also: list[str] = Field(default_factory=list)
    celebrate: YesNo


class SoftLabels(BaseModel):
    """A teacher's probabilities, made by `tagger distill`."""

    model_config = ConfigDict(extra="forbid")

    emotion: dict[str, float]
    celebrate: float = Field(ge=0, le=1)
    teacher: str = ""


class Record(BaseModel):
    """One labelled exchange.

    `emotion` or `celebrate` of null means "not labelled". Unknown keys are kept out of the
    model but allowed in the file, so that other people's files can be scored.
    """

    model_config = ConfigDict(extra="ignore")

    id: str = ""
    lang: Name = "unknown"
    child_utterance: str
    pika_reply: str
    history: list[TurnRecord] = Field(default_factory=list)
    emotion: str | None = None
    also: list[str] = Field(default_factory=list)
    celebrate: YesNo | None = None
    slice: Name = "unknown"
    second: SecondLabels | None = None
    soft: SoftLabels | None = None

    def exchange(self) -> Exchange:
        """The unlabelled part."""
        turns = tuple(Turn(t.speaker, t.text) for t in self.history)
        return Exchange(self.child_utterance, self.pika_reply, turns)


def read_jsonl(path: Path) -> list[Record]:
    """Read and validate a file of labelled exchanges; blank lines are skipped.

    Raises:
        DataError: names file, line and what is wrong with it, without quoting the texts.
    """
    records = []
    try:
        # not splitlines(): a text may hold U+2028 and its like
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"cannot read {path}: {e}") from e
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = Record.model_validate(json.loads(line))
            record.exchange().check()
        except ValidationError as e:
            first = e.errors(include_input=False, include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise DataError(f"{path}:{number}: {where}: {first['msg']}") from e
        except InvalidExchange as e:
            raise DataError(f"{path}:{number}: {e}") from e
        except json.JSONDecodeError as e:
            raise DataError(f"{path}:{number}: not JSON: {e.msg} at column {e.colno}") from e
        except (ValueError, RecursionError) as e:
            raise DataError(
                f"{path}:{number}: not JSON that can be read: {type(e).__name__}"
            ) from e
        records.append(record)
    if not records:
        raise DataError(f"{path} holds no exchange; expected one JSON object a line")
    return records
