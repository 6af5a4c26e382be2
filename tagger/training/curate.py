"""Freshly written and second-read batches to training data: measure, drop, widen, save.

    python -m tagger.training.curate --data engines/encoder/data

1. Agreement of the two readers is measured by split and kept in `agreement.json`.
2. What they cannot agree on is dropped: another celebrate, or emotions that neither accepts.
3. Of near-duplicates one is dropped, the one in training first.
4. Outside the test split a second reader's emotion joins `also`: somebody careful would
   accept it.

`agreement.json` is written by the first run alone: after it only survivors are left, and
their agreement would flatter. To measure anew, start from the raw batches.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tagger.errors import TaggerError
from tagger.evaluation.intervals import reader_agreement
from tagger.records import Record, read_jsonl
from tagger.training.data import near_duplicates, read_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

AGREEMENT_FILE = "agreement.json"
ACROSS_SPLITS = 0.7
WITHIN_SPLIT = 0.9


def curate(data: Path) -> dict[str, dict[str, float]]:
    """Clean a data directory in place.

    Returns:
        For each split what `reader_agreement` says, with `dropped` for conflicts and
        `duplicates`.

    Raises:
        DataError: a file is malformed.
    """
    splits = read_splits(data)
    files = sorted(data.glob("*.jsonl"))
    by_split: dict[str, list[Record]] = {"test": [], "validation": [], "train": []}
    for file in files:
        by_split[splits.split_of(file.stem)] += read_jsonl(file)
    duplicates = _duplicates(by_split)
    found = {}
    dropped: set[str] = set()
    for split, records in by_split.items():
        conflicts = {r.id for r in records if in_conflict(r)}
        doubles = duplicates & {r.id for r in records}
        dropped |= conflicts | doubles
        found[split] = reader_agreement(records) | {
            "dropped": len(conflicts),
            "duplicates": len(doubles),
        }
    for file in files:
        lines = file.read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line.strip()]
        kept = [row for row in rows if row.get("id") not in dropped]
        if splits.split_of(file.stem) != "test":
            kept = [_widened(row) for row in kept]
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in kept)
        file.write_text(text, encoding="utf-8")
    path = data / AGREEMENT_FILE
    if not path.exists():
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return found


def in_conflict(record: Record) -> bool:
    """Whether two readers disagree beyond what either would accept."""
    second = record.second
    if second is None:
        return False
    accepted = second.emotion in (record.emotion, *record.also) or record.emotion in second.also
    return second.celebrate != record.celebrate or not accepted


def _duplicates(by_split: dict[str, list[Record]]) -> set[str]:
    test, validation, train = (by_split[s] for s in ("test", "validation", "train"))
    across = near_duplicates(test + validation, train, ACROSS_SPLITS)
    across += near_duplicates(test, validation, ACROSS_SPLITS)
    return {right for _, right, _ in across} | {
        later for records in by_split.values() for later in _repeats(records)
    }


def _repeats(records: Sequence[Record]) -> set[str]:
    pairs = near_duplicates(records, records, WITHIN_SPLIT)
    return {right for left, right, _ in pairs if left < right}


def _widened(row: dict[str, Any]) -> dict[str, Any]:
    second = row.get("second")
    if second and second["emotion"] not in (row["emotion"], *row.get("also", ())):
        row.setdefault("also", []).append(second["emotion"])
    return row


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    try:
        json.dump(curate(parser.parse_args().data), sys.stdout, indent=2)
    except TaggerError as e:
        parser.exit(2, f"tagger: {e}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
