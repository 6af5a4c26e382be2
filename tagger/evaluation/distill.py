"""Soft labels from any backend: how a user's own exchanges come to teach the encoder."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from tagger.errors import DataError
from tagger.records import SoftLabels, read_jsonl
from tagger.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tagger.config import Settings
    from tagger.records import Record


def distill(settings: Settings, records: Sequence[Record], out: Path) -> int:
    """Write each exchange with the backend's probabilities under `soft`.

    The file grows line by line and a run that was stopped goes on where it ended, because a
    large teacher is slow. What a person has labelled stays in the record beside `soft`.

    Args:
        settings: name the teacher's backend and engine.
        records: the pool; labels are not needed.
        out: a JSON-lines file for `tagger train`.

    Returns:
        How many exchanges were labelled in this run.

    Raises:
        DataError: `out` holds other exchanges than the pool's first ones, or cannot be written.
        TaggerError: what the backend raises.
    """
    done = _resume(records, out)
    return asyncio.run(_label(settings, records, done, out))


async def _label(settings: Settings, records: Sequence[Record], done: int, out: Path) -> int:
    async with Tagger(settings) as tagger:
        teacher = tagger.backend.engine_version
        try:
            sink = out.open("a", encoding="utf-8")
        except OSError as e:
            raise DataError(f"cannot write {out}: {e.strerror}") from e
        with sink:
            for number, record in enumerate(records[done:], done + 1):
                tag = await tagger.tag(record.exchange(), include_scores=True)
                soft = SoftLabels(
                    emotion={k: round(v, 5) for k, v in tag.emotion_scores.items()},
                    celebrate=round(tag.celebrate_probability, 5),
                    teacher=teacher,
                )
                labelled = record.model_copy(update={"soft": soft})
                sink.write(labelled.model_dump_json(exclude_none=True) + "\n")
                if sys.stderr.isatty():
                    end = "\n" if number == len(records) else ""
                    sys.stderr.write(f"\r{number}/{len(records)} exchanges{end}")
    return len(records) - done


def _resume(records: Sequence[Record], out: Path) -> int:
    """How many lines of `out` are the pool's first ones; a torn last line is cut off."""
    if not out.exists():
        return 0
    if not out.is_file():
        raise DataError(f"{out} is no ordinary file; name one with --out")
    whole, _, torn = out.read_text(encoding="utf-8").rpartition("\n")
    if torn:
        out.write_text(whole + "\n" if whole else "", encoding="utf-8")
    if not whole:
        return 0
    labelled = read_jsonl(out)
    for number, (found, record) in enumerate(zip(labelled, records, strict=False), 1):
        if found.exchange() != record.exchange():
            raise DataError(
                f"{out}:{number} is not exchange {number} of the pool; name another --out, or "
                "remove the file to begin again"
            )
    if len(labelled) > len(records):
        raise DataError(
            f"{out} has {len(labelled)} exchanges, the pool {len(records)}; name another --out"
        )
    return len(labelled)
