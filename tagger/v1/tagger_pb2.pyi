from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Speaker(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPEAKER_UNSPECIFIED: _ClassVar[Speaker]
    SPEAKER_PIKA: _ClassVar[Speaker]
    SPEAKER_CHILD: _ClassVar[Speaker]

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_FULL: _ClassVar[Outcome]
    OUTCOME_LOW_CONFIDENCE: _ClassVar[Outcome]
    OUTCOME_DEADLINE: _ClassVar[Outcome]
    OUTCOME_OVERLOADED: _ClassVar[Outcome]
    OUTCOME_BACKEND_DOWN: _ClassVar[Outcome]
    OUTCOME_INVALID: _ClassVar[Outcome]
SPEAKER_UNSPECIFIED: Speaker
SPEAKER_PIKA: Speaker
SPEAKER_CHILD: Speaker
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_FULL: Outcome
OUTCOME_LOW_CONFIDENCE: Outcome
OUTCOME_DEADLINE: Outcome
OUTCOME_OVERLOADED: Outcome
OUTCOME_BACKEND_DOWN: Outcome
OUTCOME_INVALID: Outcome

class Turn(_message.Message):
    __slots__ = ("speaker", "text")
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    speaker: Speaker
    text: str
    def __init__(self, speaker: _Optional[_Union[Speaker, str]] = ..., text: _Optional[str] = ...) -> None: ...

class TagRequest(_message.Message):
    __slots__ = ("child_utterance", "pika_reply", "history", "request_id", "include_scores")
    CHILD_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    PIKA_REPLY_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_SCORES_FIELD_NUMBER: _ClassVar[int]
    child_utterance: str
    pika_reply: str
    history: _containers.RepeatedCompositeFieldContainer[Turn]
    request_id: str
    include_scores: bool
    def __init__(self, child_utterance: _Optional[str] = ..., pika_reply: _Optional[str] = ..., history: _Optional[_Iterable[_Union[Turn, _Mapping]]] = ..., request_id: _Optional[str] = ..., include_scores: _Optional[bool] = ...) -> None: ...

class Timings(_message.Message):
    __slots__ = ("queue_ms", "tokenize_ms", "infer_ms", "total_ms")
    QUEUE_MS_FIELD_NUMBER: _ClassVar[int]
    TOKENIZE_MS_FIELD_NUMBER: _ClassVar[int]
    INFER_MS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_MS_FIELD_NUMBER: _ClassVar[int]
    queue_ms: float
    tokenize_ms: float
    infer_ms: float
    total_ms: float
    def __init__(self, queue_ms: _Optional[float] = ..., tokenize_ms: _Optional[float] = ..., infer_ms: _Optional[float] = ..., total_ms: _Optional[float] = ...) -> None: ...

class TagResponse(_message.Message):
    __slots__ = ("emotion", "celebrate", "emotion_confidence", "celebrate_probability", "emotion_scores", "outcome", "reason", "backend", "engine_version", "timings", "request_id")
    class EmotionScoresEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    EMOTION_FIELD_NUMBER: _ClassVar[int]
    CELEBRATE_FIELD_NUMBER: _ClassVar[int]
    EMOTION_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    CELEBRATE_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    EMOTION_SCORES_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    TIMINGS_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    emotion: str
    celebrate: bool
    emotion_confidence: float
    celebrate_probability: float
    emotion_scores: _containers.ScalarMap[str, float]
    outcome: Outcome
    reason: str
    backend: str
    engine_version: str
    timings: Timings
    request_id: str
    def __init__(self, emotion: _Optional[str] = ..., celebrate: _Optional[bool] = ..., emotion_confidence: _Optional[float] = ..., celebrate_probability: _Optional[float] = ..., emotion_scores: _Optional[_Mapping[str, float]] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., reason: _Optional[str] = ..., backend: _Optional[str] = ..., engine_version: _Optional[str] = ..., timings: _Optional[_Union[Timings, _Mapping]] = ..., request_id: _Optional[str] = ...) -> None: ...

class GetInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Emotion(_message.Message):
    __slots__ = ("name", "meaning")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEANING_FIELD_NUMBER: _ClassVar[int]
    name: str
    meaning: str
    def __init__(self, name: _Optional[str] = ..., meaning: _Optional[str] = ...) -> None: ...

class Limits(_message.Message):
    __slots__ = ("max_text_chars", "max_history_turns", "history_tokens", "child_tokens", "reply_tokens")
    MAX_TEXT_CHARS_FIELD_NUMBER: _ClassVar[int]
    MAX_HISTORY_TURNS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    CHILD_TOKENS_FIELD_NUMBER: _ClassVar[int]
    REPLY_TOKENS_FIELD_NUMBER: _ClassVar[int]
    max_text_chars: int
    max_history_turns: int
    history_tokens: int
    child_tokens: int
    reply_tokens: int
    def __init__(self, max_text_chars: _Optional[int] = ..., max_history_turns: _Optional[int] = ..., history_tokens: _Optional[int] = ..., child_tokens: _Optional[int] = ..., reply_tokens: _Optional[int] = ...) -> None: ...

class GetInfoResponse(_message.Message):
    __slots__ = ("emotions", "celebrate_meaning", "safe_default", "backend", "engine_version", "budget_ms", "celebrate_threshold", "low_confidence", "limits")
    EMOTIONS_FIELD_NUMBER: _ClassVar[int]
    CELEBRATE_MEANING_FIELD_NUMBER: _ClassVar[int]
    SAFE_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    ENGINE_VERSION_FIELD_NUMBER: _ClassVar[int]
    BUDGET_MS_FIELD_NUMBER: _ClassVar[int]
    CELEBRATE_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    LOW_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    emotions: _containers.RepeatedCompositeFieldContainer[Emotion]
    celebrate_meaning: str
    safe_default: str
    backend: str
    engine_version: str
    budget_ms: float
    celebrate_threshold: float
    low_confidence: float
    limits: Limits
    def __init__(self, emotions: _Optional[_Iterable[_Union[Emotion, _Mapping]]] = ..., celebrate_meaning: _Optional[str] = ..., safe_default: _Optional[str] = ..., backend: _Optional[str] = ..., engine_version: _Optional[str] = ..., budget_ms: _Optional[float] = ..., celebrate_threshold: _Optional[float] = ..., low_confidence: _Optional[float] = ..., limits: _Optional[_Union[Limits, _Mapping]] = ...) -> None: ...
