from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tagger.errors import DataError
from tagger.labels import LabelSet
from tagger.training.content import YES_SLICES
from tagger.training.generate import capitalised, generate, number, spoken

pytestmark = pytest.mark.training

ENGINE = Path(__file__).parents[2] / "engines" / "encoder"
CONTENT = ENGINE / "generator.toml"
COUNT = 3000
OPERATIONS = {
    "cộng": "+", "thêm": "+", "plus": "+", "trừ": "-", "bớt": "-", "minus": "-",
    "take away": "-", "nhân": "*", "times": "*", "chia cho": "/", "chia": "/", "divided by": "/",
}  # fmt: skip
NUMBERS = {
    text: n
    for n in range(101)
    for lang in ("vi", "en")
    for digits in (True, False)
    for text in [number(n, lang, digits=digits)]
}
_ANY = "|".join(sorted(NUMBERS, key=len, reverse=True))
_SUM = re.compile(
    rf"\b({_ANY}) ({'|'.join(OPERATIONS)}) ({_ANY}) "
    rf"(?:bằng|là|còn|được|is|equals|makes) ({_ANY})\b"
)


@pytest.fixture(scope="module")
def labels():
    return LabelSet.model_validate(tomllib.loads((ENGINE / "labels.toml").read_text("utf-8")))


@pytest.fixture(scope="module")
def records(labels):
    return generate(COUNT, 7, labels, CONTENT)


def _true(m: int, operation: str, n: int, claimed: int) -> bool:
    right = {"+": m + n, "-": m - n, "*": m * n, "/": m / n if n else None}
    return right[OPERATIONS[operation]] == claimed


def _variant(tmp_path, old: str, new: str) -> Path:
    text = CONTENT.read_text("utf-8")
    assert old in text
    path = tmp_path / "generator.toml"
    path.write_text(text.replace(old, new, 1), "utf-8")
    return path


def test_same_seed_same_records(labels, records):
    assert generate(COUNT, 7, labels, CONTENT) == records
    assert generate(COUNT, 8, labels, CONTENT) != records


def test_nothing_asked_or_no_content_gives_nothing(labels):
    assert generate(0, 7, labels, CONTENT) == []
    assert generate(10, 7, labels, None) == []


def test_no_duplicates(records):
    keys = {(r.child_utterance, r.pika_reply, *(t.text for t in r.history)) for r in records}
    assert len(keys) == len(records) == COUNT
    assert [r.id for r in records[:2]] == ["gen-000001", "gen-000002"]


def test_celebrate_follows_slice_and_labels_are_known(labels, records):
    for r in records:
        assert r.celebrate == ("yes" if r.slice in YES_SLICES else "no")
        assert {r.emotion, *r.also} <= set(labels.names)
        assert r.emotion not in r.also
        assert "{" not in r.pika_reply + r.child_utterance
        r.exchange()


def test_balance(records):
    def share(kept):
        return sum(map(kept, records)) / len(records)

    assert share(lambda r: r.celebrate == "yes") == pytest.approx(0.35, abs=0.03)
    assert share(lambda r: r.lang == "vi") == pytest.approx(0.55, abs=0.03)
    assert share(lambda r: r.lang == "en") == pytest.approx(0.30, abs=0.03)
    assert share(lambda r: bool(r.history)) == pytest.approx(0.5, abs=0.08)
    assert {r.emotion for r in records} >= {"concerned", "sad", "embarrassed", "loving"}


def test_sums_are_right_or_wrong_as_the_slice_says(records):
    seen = {True: 0, False: 0}
    for r in records:
        found = _SUM.search(spoken(r.child_utterance))
        if found is None or r.slice not in YES_SLICES | {"wrong", "almost"}:
            continue
        m, operation, n, claimed = found.groups()
        right = _true(NUMBERS[m], operation, NUMBERS[n], NUMBERS[claimed])
        assert right == (r.slice in YES_SLICES), r
        seen[right] += 1
    assert min(seen.values()) > 20


def test_every_slice_and_language_has_many_replies_and_emotions():
    replies = tomllib.loads(CONTENT.read_text("utf-8"))["replies"]
    for name, languages in replies.items():
        for lang, by_label in languages.items():
            assert len({p for phrases in by_label.values() for p in phrases}) >= 15, (name, lang)
            assert len({label.split("-")[0] for label in by_label}) >= 4, (name, lang)


def test_unknown_emotion_is_refused(labels, tmp_path):
    path = _variant(tmp_path, "sad-playful", "gloomy-playful")
    with pytest.raises(DataError, match="gloomy"):
        generate(5, 7, labels, path)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("{praise}!{end}", "{prise}!{end}", "prise"),
        ("weight = 2", "wait = 2", "wait"),
        ("[replies.wrong.vi]", "[replies.wrongest.vi]", "wrongest"),
        ("[weights.vi]", "[weights.vi", "not TOML"),
        ('"con bò=cỏ/', '"con bò=/', "con bò"),
    ],
)
def test_wrong_content_is_named(labels, tmp_path, old, new, named):
    with pytest.raises(DataError, match=named):
        generate(5, 7, labels, _variant(tmp_path, old, new))


def test_missing_content_is_named(labels, tmp_path):
    with pytest.raises(DataError, match=r"none\.toml"):
        generate(5, 7, labels, tmp_path / "none.toml")


@pytest.mark.parametrize(
    ("n", "vi", "en"),
    [
        (0, "không", "zero"),
        (11, "mười một", "eleven"),
        (15, "mười lăm", "fifteen"),
        (21, "hai mươi mốt", "twenty one"),
        (40, "bốn mươi", "forty"),
        (95, "chín mươi lăm", "ninety five"),
        (100, "một trăm", "one hundred"),
    ],
)
def test_number_words(n, vi, en):
    assert number(n, "vi", digits=False) == vi
    assert number(n, "en", digits=False) == number(n, "mix", digits=False) == en
    assert number(n, "vi", digits=True) == str(n)


def test_texts_are_tidied():
    assert spoken("Dạ, Paris ạ! It's") == "dạ paris ạ it's"
    assert capitalised("đúng rồi!  giỏi quá…  ừ") == "Đúng rồi! Giỏi quá… ừ"
