"""Predictions for labelled exchanges, from a tagger in this process or a running server."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tagger.client import TaggerClient
from tagger.evaluation.metrics import Prediction
from tagger.tagger import Tagger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tagger.config import Settings
    from tagger.types import Exchange, Tag

# An evaluation is no robot: a slow answer is still an answer.
EVAL_DEADLINE_MS = 10_000.0


def predict_local(settings: Settings, exchanges: Iterable[Exchange]) -> list[Prediction]:
    """Tag in this process; raises what `Tagger` raises."""

    async def run() -> list[Prediction]:
        async with Tagger(settings) as tagger:
            return [_prediction(await tagger.tag(e)) for e in exchanges]

    return asyncio.run(run())


def predict_remote(target: str, exchanges: Iterable[Exchange]) -> list[Prediction]:
    """Tag through the server at HOST:PORT; raises grpc.RpcError."""
    with TaggerClient(target, deadline_ms=EVAL_DEADLINE_MS) as client:
        return [_prediction(client.tag(e)) for e in exchanges]


def _prediction(tag: Tag) -> Prediction:
    return Prediction(tag.emotion, tag.celebrate, tag.emotion_confidence, tag.celebrate_probability)
