"""Noise as speech recognition and language models make it, applied afresh each epoch.

Also the perturbations under which robustness is measured: `drop_diacritics`,
`strip_emoji` and `asr_noise` are the same functions for training and for the report.
All randomness comes from the `random.Random` given.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

    from tagger.types import Exchange

_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\ufe0f\u200d\u20e3\U000e0020-\U000e007f]+"
)
_PUNCTUATION = re.compile(r"[.,!?;:…\"“”'’()\-–—]+")
_FILLERS_VI = ("dạ", "ờ", "ừm", "à", "ơ", "thì", "dạ thưa")
_FILLERS_EN = ("um", "uh", "er", "like", "well", "hmm")
# Pairs that recognisers and speakers of different regions confuse.
_CONFUSED = (
    ("ch", "tr"), ("tr", "ch"), ("s", "x"), ("x", "s"), ("l", "n"), ("n", "l"),
    ("d", "gi"), ("gi", "d"), ("r", "d"), ("v", "d"),
)  # fmt: skip
_CODAS = (("n", "ng"), ("ng", "n"), ("t", "c"), ("c", "t"))
_TONES = "\u0300\u0301\u0303\u0309\u0323"


def drop_diacritics(text: str) -> str:
    """Vietnamese letters without marks, đ as d."""
    stripped = "".join(
        c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c)
    )
    return unicodedata.normalize("NFC", stripped.replace("đ", "d").replace("Đ", "D"))


def strip_emoji(text: str) -> str:
    """The text without emoji; unchanged when nothing else would be left."""
    stripped = " ".join(_EMOJI.sub(" ", text).split())
    return stripped or text


def as_spoken(text: str) -> str:
    """As a recogniser writes it: lower case, no punctuation; a sign between digits stays."""
    spoken = " ".join(_PUNCTUATION.sub(" ", text.lower()).split())
    return spoken or text


def asr_noise(text: str, rng: Random, rate: float = 0.08) -> str:
    """Fillers, and with probability `rate` a word each misheard, repeated or lost."""
    words = as_spoken(text).split()
    out = []
    vietnamese = any(ord(c) > 127 for c in text)
    for word in words:
        roll = rng.random()
        if roll >= rate or word.isdigit():
            out.append(word)
        elif roll < rate * 0.6:
            out.append(_mishear(word, rng))
        elif roll < rate * 0.8:
            out.extend((word, word))
        elif len(words) < 4:
            out.append(word)
    if rng.random() < 0.25:
        fillers = _FILLERS_VI if vietnamese else _FILLERS_EN
        out.insert(rng.choice((0, 0, 0, len(out))), rng.choice(fillers))
    return " ".join(out) or text


def _mishear(word: str, rng: Random) -> str:
    options = [
        b + word[len(a) :] for a, b in _CONFUSED if word.startswith(a) and len(word) > len(a)
    ]
    options += [word[: -len(a)] + b for a, b in _CODAS if word.endswith(a) and len(word) > 2]
    decomposed = unicodedata.normalize("NFD", word)
    for tone in _TONES:
        if tone in decomposed:
            other = rng.choice([t for t in _TONES if t != tone])
            options.append(unicodedata.normalize("NFC", decomposed.replace(tone, other)))
            options.append(unicodedata.normalize("NFC", decomposed.replace(tone, "")))
    if len(word) > 3:
        i = rng.randrange(1, len(word) - 1)
        options.append(word[:i] + word[i + 1 :])
    return rng.choice(options) if options else word


def augment(exchange: Exchange, rng: Random) -> Exchange:
    """One random variation that leaves both labels as they are."""
    child, reply, history = exchange.child_utterance, exchange.pika_reply, exchange.history
    roll = rng.random()
    if roll < 0.15:
        child = drop_diacritics(child)
    elif roll < 0.35:
        child = asr_noise(child, rng)
    elif roll < 0.45:
        child = as_spoken(child)
    roll = rng.random()
    if roll < 0.10:
        reply = strip_emoji(reply)
    elif roll < 0.15:
        reply = drop_diacritics(reply)
    elif roll < 0.20:
        reply = as_spoken(reply)
    if history and rng.random() < 0.4:
        history = ()
    return replace(exchange, child_utterance=child, pika_reply=reply, history=history)
