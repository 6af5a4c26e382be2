"""Protobuf to types and back, exceptions to statuses: one table each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

import grpc
from google.protobuf.message import DecodeError

from tagger.errors import (
    BackendUnavailable,
    InvalidExchange,
    Overloaded,
)
from tagger.types import (
    MAX_HISTORY_TURNS,
    MAX_TEXT_CHARS,
    Exchange,
    Outcome,
    Speaker,
    Tag,
    Timings,
    Turn,
)
from tagger.v1 import tagger_pb2 as pb

if TYPE_CHECKING:
    from tagger.backends.base import Backend

M = TypeVar("M", pb.TagRequest, pb.GetInfoRequest)

MAX_REQUEST_ID_CHARS: Final = 128

SPEAKERS_TO_WIRE: Final[dict[Speaker, pb.Speaker]] = {
    "pika": pb.SPEAKER_PIKA,
    "child": pb.SPEAKER_CHILD,
}
SPEAKERS: Final[dict[int, Speaker]] = {n: name for name, n in SPEAKERS_TO_WIRE.items()}

OUTCOMES: Final[dict[Outcome, pb.Outcome]] = {
    Outcome.FULL: pb.OUTCOME_FULL,
    Outcome.LOW_CONFIDENCE: pb.OUTCOME_LOW_CONFIDENCE,
    Outcome.DEADLINE: pb.OUTCOME_DEADLINE,
    Outcome.OVERLOADED: pb.OUTCOME_OVERLOADED,
    Outcome.BACKEND_DOWN: pb.OUTCOME_BACKEND_DOWN,
    Outcome.INVALID: pb.OUTCOME_INVALID,
}
OUTCOMES_FROM_WIRE: Final = {number: outcome for outcome, number in OUTCOMES.items()}

STATUS: Final[dict[type[Exception], grpc.StatusCode]] = {
    InvalidExchange: grpc.StatusCode.INVALID_ARGUMENT,
    Overloaded: grpc.StatusCode.RESOURCE_EXHAUSTED,
    BackendUnavailable: grpc.StatusCode.UNAVAILABLE,
}
"""Subclasses count; everything else is INTERNAL, logged once, its text withheld.
DEADLINE_EXCEEDED is sent by gRPC itself."""

OUTCOME_OF_STATUS: Final[dict[grpc.StatusCode, Outcome]] = {
    grpc.StatusCode.DEADLINE_EXCEEDED: Outcome.DEADLINE,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Outcome.OVERLOADED,
    grpc.StatusCode.INVALID_ARGUMENT: Outcome.INVALID,
}
"""What the client's safe default says; every other status is BACKEND_DOWN."""


def parse_request(body: bytes) -> pb.TagRequest:
    """Decode a request; raises InvalidExchange for bytes that are no valid message."""
    return _parse(pb.TagRequest, body)


def parse_info_request(body: bytes) -> pb.GetInfoRequest:
    """Decode a request; raises InvalidExchange for bytes that are no valid message."""
    return _parse(pb.GetInfoRequest, body)


def _parse(message: type[M], body: bytes) -> M:
    try:
        return message.FromString(body)
    except DecodeError as e:
        raise InvalidExchange(
            f"the {len(body)} bytes are no valid {message.DESCRIPTOR.full_name}; expected "
            "protobuf whose strings are UTF-8"
        ) from e


def status_of(error: Exception) -> grpc.StatusCode:
    """The status of an exception, INTERNAL when it is none of ours."""
    statuses = (STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    return next(statuses, grpc.StatusCode.INTERNAL)


def checked_request_id(request: pb.TagRequest) -> str:
    """The request id, safe to log; raises InvalidExchange when it is not."""
    request_id = request.request_id
    if len(request_id) > MAX_REQUEST_ID_CHARS or not (
        request_id.isascii() and (request_id.isprintable())
    ):
        raise InvalidExchange(
            f"request_id has {len(request_id)} characters or some that are not printable ASCII; "
            f"expected at most {MAX_REQUEST_ID_CHARS} printable ASCII characters"
        )
    return request_id


def to_exchange(request: pb.TagRequest) -> Exchange:
    """The exchange of a request; raises InvalidExchange for a turn without a speaker."""
    turns = []
    for i, turn in enumerate(request.history):
        if turn.speaker not in SPEAKERS:
            raise InvalidExchange(
                f"history[{i}].speaker is {turn.speaker}; expected SPEAKER_PIKA or SPEAKER_CHILD"
            )
        turns.append(Turn(SPEAKERS[turn.speaker], turn.text))
    return Exchange(request.child_utterance, request.pika_reply, tuple(turns))


def to_request(exchange: Exchange, request_id: str, include_scores: bool) -> pb.TagRequest:
    """The request of an exchange."""
    return pb.TagRequest(
        child_utterance=exchange.child_utterance,
        pika_reply=exchange.pika_reply,
        history=[
            pb.Turn(speaker=SPEAKERS_TO_WIRE[t.speaker], text=t.text) for t in exchange.history
        ],
        request_id=request_id,
        include_scores=include_scores,
    )


def to_response(tag: Tag, request_id: str) -> pb.TagResponse:
    """The response of a tag."""
    t = tag.timings
    return pb.TagResponse(
        emotion=tag.emotion,
        celebrate=tag.celebrate,
        emotion_confidence=tag.emotion_confidence,
        celebrate_probability=tag.celebrate_probability,
        emotion_scores=tag.emotion_scores,
        outcome=OUTCOMES[tag.outcome],
        reason=tag.reason,
        backend=tag.backend,
        engine_version=tag.engine_version,
        timings=pb.Timings(
            queue_ms=t.queue_ms,
            tokenize_ms=t.tokenize_ms,
            infer_ms=t.infer_ms,
            total_ms=t.total_ms,
        ),
        request_id=request_id,
    )


def from_response(response: pb.TagResponse) -> Tag:
    """The tag of a response."""
    t = response.timings
    return Tag(
        emotion=response.emotion,
        celebrate=response.celebrate,
        emotion_confidence=response.emotion_confidence,
        celebrate_probability=response.celebrate_probability,
        outcome=OUTCOMES_FROM_WIRE.get(response.outcome, Outcome.UNKNOWN),
        reason=response.reason,
        emotion_scores=dict(response.emotion_scores),
        backend=response.backend,
        engine_version=response.engine_version,
        timings=Timings(t.queue_ms, t.tokenize_ms, t.infer_ms, t.total_ms),
    )


def to_info(backend: Backend, budget_ms: float) -> pb.GetInfoResponse:
    """The description of the active engine."""
    labels, limits = backend.labels, backend.limits
    return pb.GetInfoResponse(
        emotions=[pb.Emotion(name=e.name, meaning=e.meaning) for e in labels.emotions],
        celebrate_meaning=labels.celebrate_meaning,
        safe_default=labels.safe_default,
        backend=backend.name,
        engine_version=backend.engine_version,
        budget_ms=budget_ms,
        celebrate_threshold=backend.thresholds.celebrate_threshold,
        low_confidence=backend.thresholds.low_confidence,
        limits=pb.Limits(
            max_text_chars=MAX_TEXT_CHARS,
            max_history_turns=MAX_HISTORY_TURNS,
            history_tokens=limits.history_tokens,
            child_tokens=limits.child_tokens,
            reply_tokens=limits.reply_tokens,
        ),
    )
