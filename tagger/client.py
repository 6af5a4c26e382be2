"""The robot's side: a deadline on every call, one retry, and an answer that never fails.

    with TaggerClient("127.0.0.1:50051") as client:
        tag = client.tag_or_default(Exchange("bốn ạ", "Chính xác!"))

`tag` raises grpc.RpcError; `tag_or_default` never raises: it gives the safe default with
the reason. The safe default is `neutral` without celebration: a robot that smiles at a sad
moment is worse than one that keeps still.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

import grpc

from tagger import wire
from tagger.errors import InvalidExchange
from tagger.types import Exchange, Outcome, Tag
from tagger.v1 import tagger_pb2 as pb
from tagger.v1 import tagger_pb2_grpc as pb_grpc

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

DEFAULT_DEADLINE_MS: Final = 50.0
DEFAULT_EMOTION: Final = "neutral"

# Only UNAVAILABLE is retried: the call was not computed, and it is safe to repeat.
SERVICE_CONFIG: Final = json.dumps(
    {
        "methodConfig": [
            {
                "name": [{"service": "tagger.v1.TaggerService"}],
                "retryPolicy": {
                    "maxAttempts": 2,
                    "initialBackoff": "0.005s",
                    "maxBackoff": "0.01s",
                    "backoffMultiplier": 1,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 10, "tokenRatio": 0.1},
    }
)
CHANNEL_OPTIONS: Final = (
    ("grpc.service_config", SERVICE_CONFIG),
    ("grpc.enable_retries", 1),
    # Find a dead server before the next call does.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    # A robot outlives its server's restarts: come back fast.
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 1_000),
)


def default_tag(error: BaseException, emotion: str = DEFAULT_EMOTION) -> Tag:
    """The safe default for a call that failed, with the reason."""
    if isinstance(error, InvalidExchange):
        outcome, reason = Outcome.INVALID, str(error)
    elif isinstance(error, grpc.RpcError):
        status = error.code()
        outcome = wire.OUTCOME_OF_STATUS.get(status, Outcome.BACKEND_DOWN)
        reason = f"{status.name}: {error.details()}"
    else:
        # a closed channel, in one of the ways of grpc
        outcome, reason = Outcome.BACKEND_DOWN, type(error).__name__
    return Tag(emotion=emotion, celebrate=False, outcome=outcome, reason=reason)


def _stub(channel: grpc.Channel | grpc.aio.Channel) -> pb_grpc.TaggerServiceStub:
    return pb_grpc.TaggerServiceStub(channel)  # type: ignore[no-untyped-call]  # generated


class TaggerClient:
    """Blocking client; one channel, safe to share between threads.

    Args:
        target: HOST:PORT of the server.
        deadline_ms: time for one call, retry included.
        default_emotion: what `tag_or_default` shows when there is no answer.
    """

    def __init__(
        self,
        target: str,
        deadline_ms: float = DEFAULT_DEADLINE_MS,
        default_emotion: str = DEFAULT_EMOTION,
    ) -> None:
        self._deadline_s = deadline_ms / 1e3
        self._default_emotion = default_emotion
        self._channel = grpc.insecure_channel(target, CHANNEL_OPTIONS)
        self._stub = _stub(self._channel)

    def wait_ready(self, timeout_s: float) -> bool:
        """Connect now instead of on the first call; whether that worked in time."""
        try:
            grpc.channel_ready_future(self._channel).result(timeout_s)
        except grpc.FutureTimeoutError:
            return False
        return True

    def tag(self, exchange: Exchange, *, request_id: str = "", include_scores: bool = False) -> Tag:
        """Tag one exchange; raises grpc.RpcError with the documented status."""
        request = wire.to_request(exchange, request_id, include_scores)
        return wire.from_response(self._stub.Tag(request, timeout=self._deadline_s))

    def tag_or_default(
        self, exchange: Exchange, *, request_id: str = "", include_scores: bool = False
    ) -> Tag:
        """Tag one exchange; never raises, see `default_tag`."""
        try:
            exchange.check()
            return self.tag(exchange, request_id=request_id, include_scores=include_scores)
        except Exception as e:
            return default_tag(e, self._default_emotion)

    def get_info(self) -> pb.GetInfoResponse:
        """Labels, versions and limits of the server; raises grpc.RpcError."""
        info: pb.GetInfoResponse = self._stub.GetInfo(pb.GetInfoRequest(), timeout=self._deadline_s)
        return info

    def close(self) -> None:
        """Close the channel."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncTaggerClient:
    """The asyncio twin of `TaggerClient`; create and use it on one event loop."""

    def __init__(
        self,
        target: str,
        deadline_ms: float = DEFAULT_DEADLINE_MS,
        default_emotion: str = DEFAULT_EMOTION,
    ) -> None:
        self._deadline_s = deadline_ms / 1e3
        self._default_emotion = default_emotion
        self._channel = grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
        self._stub = _stub(self._channel)

    async def tag(
        self, exchange: Exchange, *, request_id: str = "", include_scores: bool = False
    ) -> Tag:
        """Tag one exchange; raises grpc.RpcError with the documented status."""
        request = wire.to_request(exchange, request_id, include_scores)
        return wire.from_response(await self._stub.Tag(request, timeout=self._deadline_s))

    async def tag_or_default(
        self, exchange: Exchange, *, request_id: str = "", include_scores: bool = False
    ) -> Tag:
        """Tag one exchange; never raises, see `default_tag`, except when it is cancelled."""
        try:
            exchange.check()
            return await self.tag(exchange, request_id=request_id, include_scores=include_scores)
        except asyncio.CancelledError as e:
            # a closing channel cancels its calls without cancelling their task
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            return default_tag(e, self._default_emotion)
        except Exception as e:
            return default_tag(e, self._default_emotion)

    async def wait_ready(self, timeout_s: float) -> bool:
        """Connect now instead of on the first call; whether that worked in time."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout_s)
        except TimeoutError:
            return False
        return True

    async def get_info(self) -> pb.GetInfoResponse:
        """Labels, versions and limits of the server; raises grpc.RpcError."""
        info: pb.GetInfoResponse = await self._stub.GetInfo(
            pb.GetInfoRequest(), timeout=self._deadline_s
        )
        return info

    async def close(self) -> None:
        """Close the channel."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()
