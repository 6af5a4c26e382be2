"""Combinatorial labelled exchanges: the facts, scenes and replies of a content file, crossed.

    generate(6000, seed=1, labels=labels, content=Path("engines/encoder/generator.toml"))

A fact (a sum, a capital, a translation …) or a scene (an opinion, a win …) gives the child's
words; the slice picks a reply phrase, which carries the emotion; celebrate follows from the
slice. The same facts serve right, wrong and unanswered slices, and the same praise serves
answers and everything else, so that neither alone tells whether to celebrate.
"""

from __future__ import annotations

import re
from random import Random
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from tagger.errors import DataError
from tagger.records import Record, TurnRecord
from tagger.training.content import YES_SLICES, Item, Lang, load_content

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tagger.labels import LabelSet
    from tagger.training.content import (
        Content,
        Family,
        Groups,
        Kind,
        Language,
        Scene,
        Slice,
        Speech,
    )

Verdict = Literal["right", "near", "wrong"]

LANG_SHARES: Final[dict[Lang, float]] = {"vi": 0.55, "mix": 0.15, "en": 0.30}
YES_SHARE: Final = 0.35
HISTORY_SHARE: Final = 0.57
"""Of the exchanges that can have Pika's earlier turn; volunteered facts have none."""
PUNCTUATED_SHARE: Final = 1 / 12
TRIES: Final = 30
"""How many exchanges may be made for each one wanted before the content counts as too small."""

_ONES_VI = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
_TEENS_EN = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
    "nineteen",
)  # fmt: skip
_TENS_EN = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")


class Fact(NamedTuple):
    """One question with its answer `a` and the child's answer `c`, as each side spells them."""

    family: Family
    robot: dict[str, str]
    child: dict[str, str]


def generate(count: int, seed: int, labels: LabelSet, content: Path | None) -> list[Record]:
    """Make labelled exchanges; the same arguments give the same ones.

    Args:
        count: how many.
        seed: of all randomness.
        labels: the emotions that may occur.
        content: the content file; None gives no exchange.

    Raises:
        DataError: the content is wrong, names an emotion that `labels` lacks, or is too small.
    """
    if count == 0 or content is None:
        return []
    source = load_content(content, labels)
    rng = Random(seed)
    made: dict[tuple[str, ...], Record] = {}
    for _ in range(TRIES * count):
        record = _exchange(rng, source)
        texts = (record.child_utterance, record.pika_reply, *(t.text for t in record.history))
        made.setdefault(texts, record)
        if len(made) == count:
            return [
                r.model_copy(update={"id": f"gen-{i:06d}"}) for i, r in enumerate(made.values(), 1)
            ]
    raise DataError(f"{content} gives only {len(made)} different exchanges; asked for {count}")


def number(n: int, lang: Lang, *, digits: bool) -> str:
    """A number from 0 to 100 in digits or words; mixed speech has English ones."""
    if digits:
        return str(n)
    if lang == "vi":
        return _number_vi(n)
    if n < 20:
        return _TEENS_EN[n]
    tens, ones = divmod(n, 10)
    if tens == 10:
        return "one hundred" if ones == 0 else f"one hundred and {_TEENS_EN[ones]}"
    return _TENS_EN[tens - 2] + (f" {_TEENS_EN[ones]}" if ones else "")


def _number_vi(n: int) -> str:
    tens, ones = divmod(n, 10)
    if tens >= 10:
        return "một trăm" + (f" linh {_ONES_VI[ones]}" if ones else "")
    if tens == 0:
        return _ONES_VI[ones]
    head = "mười" if tens == 1 else f"{_ONES_VI[tens]} mươi"
    if ones == 0:
        return head
    tail = {5: "lăm", 1: "một" if tens == 1 else "mốt"}.get(ones, _ONES_VI[ones])
    return f"{head} {tail}"


def _sum(rng: Random, kind: Kind) -> tuple[int, int, int]:
    """Two numbers and the answer."""
    m, n = rng.randint(1, rng.choice((10, 20, 50))), rng.randint(1, rng.choice((5, 10, 20)))
    p, q = rng.randint(2, 9), rng.randint(2, 10)
    low, high = sorted(rng.sample(range(1, 100), 2))
    first, second = rng.sample((low, high), 2)
    return {
        "add": (m, n, m + n),
        "subtract": (m + n, n, m),
        "multiply": (p, q, p * q),
        "divide": (p * q, p, q),
        "bigger": (first, second, high),
        "smaller": (first, second, low),
        "after": (m, 1, m + 1),
        "before": (m, 1, m - 1),
        "count": (q, q, q),
    }[kind]


def _numeric(rng: Random, family: Family, lang: Lang, verdict: Verdict) -> Fact:
    m, n, right = _sum(rng, family.kind)
    if family.kind in ("bigger", "smaller"):
        others = [m + n - right]
    else:
        steps = (1,) if verdict == "near" else (1, 2, 3, 4, 5, 10)
        others = [o for s in steps for o in (right - s, right + s) if 0 <= o <= 100]
    said = right if verdict == "right" else rng.choice(others)
    dots = rng.choice("⭐🍎🐟🎈🌸🚗🐥🍓") * right
    sides = []
    for _ in range(2):
        digits = rng.random() < 0.35
        spelt = {
            k: number(v, lang, digits=digits)
            for k, v in zip("mnac", (m, n, right, said), strict=True)
        }
        sides.append({**spelt, "x": spelt["m"], "dots": dots})
    return Fact(family, *sides)


def _misspelt(rng: Random, word: str) -> str:
    """One letter lost, doubled or replaced; never the word itself."""
    at = rng.randrange(len(word))
    other = rng.choice([v for v in "aeioukst" if v != word[at]])
    return rng.choice(
        (
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + other + word[at + 1 :],
        )
    )


def _item_fact(rng: Random, family: Family, groups: Groups, verdict: Verdict) -> Fact:
    if family.turn:
        groups = tuple(tuple(Item(i.a, i.x) for i in group) for group in groups)
    group, item = rng.choice([(group, item) for group in groups for item in group])
    if family.kind == "spell":
        said = item.x if verdict == "right" else _misspelt(rng, item.x)
        robot = {"a": "-".join(item.x.upper()), "c": "-".join(said.upper()), "x": item.x}
        return Fact(family, robot, {"a": " ".join(item.x), "c": " ".join(said), "x": item.x})
    rights = {i.a for i in group if i.x == item.x}
    said = item.a
    if verdict != "right":
        said = rng.choice(item.wrong or sorted({i.a for i in group} - rights))
    slots = {"x": item.x, "a": item.a, "c": said}
    return Fact(family, slots, slots)


def _fact(rng: Random, content: Content, lang: Lang, slice_: Slice, verdict: Verdict) -> Fact:
    families = [f[lang] for f in content.families.values() if lang in f]
    if slice_ in YES_SLICES:
        wanted = slice_ == "answer_translation"
        families = [f for f in families if f.translation == wanted]
    family = rng.choices(families, [f.weight for f in families])[0]
    if family.kind in ("items", "spell"):
        return _item_fact(rng, family, family.items or content.vocabulary, verdict)
    return _numeric(rng, family, lang, verdict)


def _talk(rng: Random, language: Language) -> dict[str, str]:
    """One voice and one word of each list."""
    voice = rng.choice(language.voices)
    words = {k: rng.choice(v).format_map(voice) for k, v in language.words.items()}
    return {**voice, **words}


def _one(rng: Random, templates: Sequence[str], *slots: Mapping[str, str]) -> str:
    merged = {k: v for table in slots for k, v in table.items()}
    return rng.choice(templates).format_map(merged)


def _verdict(rng: Random, slice_: Slice) -> Verdict:
    if slice_ == "unconfirmed":
        return rng.choice(("right", "right", "wrong"))
    if slice_ == "almost":
        return "near"
    return "wrong" if slice_ == "wrong" else "right"


def _about_fact(
    rng: Random, content: Content, lang: Lang, slice_: Slice, talk: dict[str, str]
) -> tuple[str, str, dict[str, str]]:
    """The child's words, Pika's turn before them and the slots of the reply."""
    fact = _fact(rng, content, lang, slice_, _verdict(rng, slice_))
    other = _fact(rng, content, lang, slice_, "right")
    family, speech = fact.family, content.languages[lang].speech
    true = {**talk, **fact.robot, "c": fact.robot["a"]}
    question = capitalised(_one(rng, family.ask, true))
    slots = {
        **fact.robot,
        "q": question,
        "q2": capitalised(_one(rng, other.family.ask, talk, other.robot)),
        "f": _one(rng, family.say, true),
        "e": _one(rng, family.explain, true),
        "h": fact.robot["a"][0].upper(),
    }
    said = {**talk, **fact.child}
    if slice_ == "quiz_posed":
        return _one(rng, speech.quiz, talk), _one(rng, speech.play, talk), slots
    if slice_ == "gave_up":
        return _one(rng, speech.give_up, talk), question, slots
    if slice_ == "child_asks":
        return _one(rng, family.wonder, said), _one(rng, speech.invite, talk), slots
    if slice_ == "fact_volunteered":
        return _one(rng, speech.tell, talk) + _one(rng, family.say, said), "", slots
    if slice_ == "answer_terse" or (slice_ != "answer_plain" and rng.random() < 0.4):
        return _one(rng, speech.terse, said), question, slots
    full = _one(rng, speech.before, talk) + _one(rng, family.say, said)
    return full + _one(rng, speech.after_answer, talk), question, slots


def _about_scene(
    rng: Random, scene: Scene, speech: Speech, talk: dict[str, str]
) -> tuple[str, str, dict[str, str]]:
    slots = {"x": _one(rng, scene.x, talk)}
    child = _one(rng, scene.child, talk, slots)
    child = _one(rng, speech.before, talk) + child + _one(rng, speech.after, talk)
    return child, _one(rng, scene.ask, talk, slots), slots


def _pick_slice(rng: Random, content: Content, lang: Lang) -> Slice:
    yes = rng.random() < YES_SHARE
    able = [s for s, by in content.replies.items() if lang in by and (s in YES_SLICES) == yes]
    weights = content.weights.get(lang, {})
    return rng.choices(able, [weights.get(s, 1.0) for s in able])[0]


def _exchange(rng: Random, content: Content) -> Record:
    lang = rng.choices(list(LANG_SHARES), list(LANG_SHARES.values()))[0]
    slice_ = _pick_slice(rng, content, lang)
    language = content.languages[lang]
    talk = _talk(rng, language)
    scene = content.scene(slice_, lang)
    if scene is not None:
        child, before, slots = _about_scene(rng, scene, language.speech, talk)
    else:
        child, before, slots = _about_fact(rng, content, lang, slice_, talk)
    replies = content.replies[slice_][lang]
    label = rng.choices(list(replies), [len(p) ** 0.5 for p in replies.values()])[0]
    emotion, *also = label.split("-")
    written = rng.random() < PUNCTUATED_SHARE
    history = [before] if before and rng.random() < HISTORY_SHARE else []
    return Record(
        lang=lang,
        child_utterance=f"{capitalised(child).strip()}." if written else spoken(child),
        pika_reply=capitalised(_one(rng, replies[label], talk, slots)),
        history=[TurnRecord(speaker="pika", text=capitalised(t)) for t in history],
        emotion=emotion,
        also=also,
        celebrate="yes" if slice_ in YES_SLICES else "no",
        slice=slice_,
    )


def spoken(text: str) -> str:
    """As speech recognition writes it: lower case, no punctuation but apostrophes."""
    return " ".join(re.sub(r"[^\w\s']", " ", text.lower()).split())


def capitalised(text: str) -> str:
    """Sentences begin with a capital."""
    text = " ".join(text.split())
    return re.sub(r"(^|[.!?][)”\"]?\s+)(\w)", lambda m: m[1] + m[2].upper(), text)
