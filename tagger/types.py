"""The plain values that travel through the service: an exchange in, scores, a tag out.

Standard library and numpy only; nothing here knows of protobuf, ONNX or gRPC.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal

from tagger.errors import InvalidExchange

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

Speaker = Literal["pika", "child"]

MAX_TEXT_CHARS: Final = 2_000
"""Longest text accepted in one field, in Unicode code points; longer is refused, never cut."""
MAX_HISTORY_TURNS: Final = 16
"""Most earlier turns accepted; more is refused."""


INVISIBLE: Final = ("Cc", "Cf", "Cs")


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of the conversation."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the child said last and what Pika is about to say.

    Args:
        child_utterance: the child's words; may be empty when Pika speaks first.
        pika_reply: Pika's words; at least one visible character.
        history: earlier turns, oldest first. Only the last turn is read.

    Any texts can be held; whoever tags them calls `check` first.
    """

    child_utterance: str
    pika_reply: str
    history: tuple[Turn, ...] = ()

    def check(self) -> None:
        """Refuse what breaks the documented limits.

        Raises:
            InvalidExchange: an empty reply, a text over `MAX_TEXT_CHARS`, a lone surrogate,
                or more than `MAX_HISTORY_TURNS` turns.
        """
        if len(self.history) > MAX_HISTORY_TURNS:
            raise InvalidExchange(
                f"history has {len(self.history)} turns; at most {MAX_HISTORY_TURNS} are "
                "accepted: send the last ones only"
            )
        _check_text("child_utterance", self.child_utterance)
        _check_text("pika_reply", self.pika_reply)
        for i, turn in enumerate(self.history):
            _check_text(f"history[{i}].text", turn.text)
        if not _has_visible(self.pika_reply):
            raise InvalidExchange(
                "pika_reply is empty or has no visible character; expected the reply that is "
                "about to be spoken"
            )


def _check_text(name: str, text: str) -> None:
    if len(text) > MAX_TEXT_CHARS:
        raise InvalidExchange(
            f"{name} has {len(text)} characters; at most {MAX_TEXT_CHARS} are accepted: "
            "send one utterance, not a transcript"
        )
    if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
        raise InvalidExchange(f"{name} holds a lone surrogate; expected valid Unicode text")


def _has_visible(text: str) -> bool:
    """True when some character is neither space, control, format nor a combining mark.

    Unassigned code points count as visible: tomorrow's emoji are today's unassigned.
    """
    return any(
        unicodedata.category(c)[0] not in "ZM" and unicodedata.category(c) not in INVISIBLE
        for c in text
    )


@dataclass(frozen=True, slots=True)
class Scores:
    """What a backend thinks of one exchange.

    Args:
        emotion: float32, shape (n_emotions,), calibrated probabilities in the engine's
            label order, summing to 1.
        celebrate: calibrated probability of "celebrate", in [0, 1].
        n_tokens: length of the model's input.
        tokenize_ms: time spent making tokens.
        infer_ms: time spent in the engine.
    """

    emotion: npt.NDArray[np.float32]
    celebrate: float
    n_tokens: int = 0
    tokenize_ms: float = 0.0
    infer_ms: float = 0.0


class Outcome(Enum):
    """Whether a tag is a full answer or a safe default, and why."""

    FULL = "full"
    LOW_CONFIDENCE = "low_confidence"
    """The labels are the model's best, but it is unsure; the caller may prefer its default."""
    DEADLINE = "deadline"
    """Safe default: no answer came in time."""
    OVERLOADED = "overloaded"
    """Safe default: the server refused the call because its queue was full."""
    BACKEND_DOWN = "backend_down"
    """Safe default: the server or its backend could not be reached or failed."""
    INVALID = "invalid"
    """Safe default: the exchange was refused; the reason says what to fix."""
    UNKNOWN = "unknown"
    """Sent by a newer server for a reason that this client does not know."""


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time of one answer went, in milliseconds, as measured in the server."""

    queue_ms: float = 0.0
    tokenize_ms: float = 0.0
    infer_ms: float = 0.0
    total_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Tag:
    """The answer: what the face shows and whether to celebrate.

    Args:
        emotion: a name of the engine's label set.
        celebrate: whether to fire the celebration.
        emotion_confidence: calibrated probability of `emotion`, in [0, 1].
        celebrate_probability: calibrated probability of "celebrate", in [0, 1].
        outcome: full answer or safe default.
        reason: empty for a full answer, else one sentence.
        emotion_scores: probability by label name, only when asked for.
        backend: name of the backend that answered.
        engine_version: version and content hash of its engine.
        n_tokens: length of the model's input.
        timings: stages in milliseconds.
    """

    emotion: str
    celebrate: bool
    emotion_confidence: float = 0.0
    celebrate_probability: float = 0.0
    outcome: Outcome = Outcome.FULL
    reason: str = ""
    emotion_scores: Mapping[str, float] = field(default_factory=dict)
    backend: str = ""
    engine_version: str = ""
    n_tokens: int = 0
    timings: Timings = Timings()
