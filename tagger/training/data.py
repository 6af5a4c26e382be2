"""The data of an engine: batches as files, splits by batch, soft targets, near-duplicates."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from tagger.errors import DataError
from tagger.records import read_jsonl

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from tagger.labels import LabelSet
    from tagger.records import Record

SPLITS_FILE = "splits.toml"


class Splits(BaseModel):
    """Which batches (file stems) are held out; every other file is training data."""

    model_config = ConfigDict(extra="forbid")

    validation: list[str]
    test: list[str]

    def split_of(self, name: str) -> str:
        """`test`, `validation` or `train`."""
        held_out = "test" if name in self.test else "validation"
        return held_out if name in self.test + self.validation else "train"


@dataclass(frozen=True)
class Dataset:
    """Labelled exchanges by split."""

    train: list[Record]
    validation: list[Record]
    test: list[Record]


def read_splits(directory: Path) -> Splits:
    """The directory's `splits.toml`; raises DataError when it cannot be used."""
    path = directory / SPLITS_FILE
    try:
        return Splits.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as e:
        raise DataError(
            f"cannot use {path}: {e}; expected validation = [...] and test = [...] with the "
            "names of files, without .jsonl"
        ) from e


def load_dataset(directory: Path, labels: LabelSet) -> Dataset:
    """Read every `*.jsonl` of a directory and split by `splits.toml`.

    Raises:
        DataError: a file is malformed, a label is not in the label set, a split names a
            file that does not exist, or a split is empty.
    """
    path = directory / SPLITS_FILE
    splits = read_splits(directory)
    files = {f.stem: f for f in sorted(directory.glob("*.jsonl"))}
    unknown = (set(splits.validation) | set(splits.test)) - files.keys()
    if unknown:
        raise DataError(f"{path} names {', '.join(sorted(unknown))}, but there is no such file")
    both = set(splits.validation) & set(splits.test)
    if both:
        raise DataError(f"{path} puts {', '.join(sorted(both))} into both splits")
    dataset = Dataset(
        train=_read(f for n, f in files.items() if splits.split_of(n) == "train"),
        validation=_read(files[n] for n in splits.validation),
        test=_read(files[n] for n in splits.test),
    )
    for name in ("train", "validation", "test"):
        records = getattr(dataset, name)
        if not records:
            raise DataError(f"the {name} split of {directory} is empty")
        check_labels(records, labels)
    return dataset


def _read(files: Iterable[Path]) -> list[Record]:
    return [record for file in files for record in read_jsonl(file)]


def check_labels(records: Iterable[Record], labels: LabelSet) -> None:
    """Raises DataError, naming the record, when a label is not in the label set."""
    names = set(labels.names)
    for r in records:
        soft = r.soft.emotion if r.soft else ()
        second = (r.second.emotion, *r.second.also) if r.second else ()
        for name in (r.emotion, *r.also, *second, *soft):
            if name is not None and name not in names:
                raise DataError(
                    f"exchange {r.id!r} is labelled {name!r}; the label set has "
                    f"{', '.join(labels.names)}"
                )


def emotion_target(record: Record, labels: LabelSet, also_share: float) -> npt.NDArray[np.float32]:
    """Soft target over emotions, summing to 1; all zero when the emotion is not labelled.

    A teacher's probabilities are taken as they are. Otherwise each reader gives `also_share`
    of the mass to the labels they would also accept, and two readers are averaged.

    Returns:
        float32, *Shape:* (len(labels.emotions),).
    """
    names = labels.names
    if record.soft:
        target = np.array([record.soft.emotion.get(n, 0.0) for n in names], dtype=np.float32)
        return target / max(float(target.sum()), 1e-9)
    readers = []
    if record.emotion:
        readers.append(_one_reader(record.emotion, record.also, names, also_share))
    if record.second:
        readers.append(_one_reader(record.second.emotion, record.second.also, names, also_share))
    if not readers:
        return np.zeros(len(names), dtype=np.float32)
    return np.mean(readers, axis=0, dtype=np.float32)


def _one_reader(
    emotion: str, also: Sequence[str], names: tuple[str, ...], also_share: float
) -> npt.NDArray[np.float32]:
    target = np.zeros(len(names), dtype=np.float32)
    others = [a for a in also if a != emotion]
    target[names.index(emotion)] = 1.0 - (also_share if others else 0.0)
    for other in others:
        target[names.index(other)] += also_share / len(others)
    return target


def celebrate_target(record: Record) -> float | None:
    """Probability of "celebrate": readers averaged, a teacher's as it is; None if unlabelled."""
    if record.soft:
        return record.soft.celebrate
    answers = [record.celebrate] if record.celebrate else []
    if record.second:
        answers.append(record.second.celebrate)
    return sum(a == "yes" for a in answers) / len(answers) if answers else None


def near_duplicates(
    left: Sequence[Record], right: Sequence[Record], threshold: float = 0.8
) -> list[tuple[str, str, float]]:
    """Pairs of ids whose whole exchange is nearly the same text.

    Similarity is the Jaccard index of word bigrams over child's and Pika's words together,
    with case, marks and punctuation removed.

    Returns:
        (left id, right id, similarity) for every pair at or above `threshold`.
    """
    index: dict[str, list[int]] = defaultdict(list)
    grams_right = [_grams(r) for r in right]
    for i, grams in enumerate(grams_right):
        for gram in grams:
            index[gram].append(i)
    found = []
    for record in left:
        grams = _grams(record)
        shared: dict[int, int] = defaultdict(int)
        for gram in grams:
            for i in index.get(gram, ()):
                shared[i] += 1
        for i, n in shared.items():
            similarity = n / (len(grams) + len(grams_right[i]) - n)
            if similarity >= threshold:
                found.append((record.id, right[i].id, similarity))
    return found


def _grams(record: Record) -> set[str]:
    text = unicodedata.normalize("NFD", f"{record.child_utterance} § {record.pika_reply}".lower())
    words = re.sub(r"[^\w§ ]", "", text.replace("đ", "d")).split()
    return {f"{a} {b}" for a, b in pairwise(words)} or set(words)
