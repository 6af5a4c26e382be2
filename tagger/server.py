"""The gRPC door: Tag and GetInfo, health, reflection, drain.

    asyncio.run(serve(load_settings()))

Requests arrive as raw bytes and are parsed here, so that undecodable ones get
INVALID_ARGUMENT instead of gRPC's INTERNAL. grpc.aio was chosen by measurement, see
bench/LOG.md, 2026-11-21.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
from time import perf_counter
from typing import TYPE_CHECKING, Final

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from tagger import logs, wire
from tagger.errors import BackendUnavailable, ConfigError
from tagger.tagger import Tagger
from tagger.v1 import tagger_pb2 as pb

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import NoReturn

    from tagger.config import Settings

    Context = grpc.aio.ServicerContext[bytes, bytes]

SERVICE: Final = pb.DESCRIPTOR.services_by_name["TaggerService"].full_name
MAX_MESSAGE_BYTES: Final = 256 * 1024
"""Room for every field at its limit; larger messages get RESOURCE_EXHAUSTED from gRPC."""

DRAIN_POLL_S: Final = 0.005
HEALTH_INTERVAL_S: Final = 1.0
CLOSE_GRACE_S: Final = 0.2
EXIT_FORCED: Final = 130
LAME_DUCK_S: Final = 0.1
"""How long a stopping server still refuses politely before it closes its port (a guess)."""

SERVER_OPTIONS: Final = (
    # Without this a second server on the port would silently share it.
    ("grpc.so_reuseport", 0),
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    # Robots may ping an idle connection this often without being cut off.
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.max_concurrent_streams", 256),
)


class TaggerServicer:
    """The two methods over raw bytes; answers UNAVAILABLE while it has no tagger."""

    def __init__(self, budget_ms: float) -> None:
        self.tagger: Tagger | None = None
        self.in_flight = 0
        self._budget_ms = budget_ms

    async def tag(self, body: bytes, context: Context) -> bytes:
        """Tag one exchange and log one line about it."""
        begin = perf_counter()
        request_id = ""
        self.in_flight += 1
        try:
            request = wire.parse_request(body)
            request_id = wire.checked_request_id(request)
            exchange = wire.to_exchange(request)
            tag = await self._ready().tag(exchange, include_scores=request.include_scores)
            response = wire.to_response(tag, request_id).SerializeToString()
        except asyncio.CancelledError:
            # the caller's deadline has passed, or it has gone
            _log_failure("tag", request_id, "CANCELLED", begin)
            raise
        except Exception as e:
            await _abort(context, e, "tag", request_id, begin)
        finally:
            self.in_flight -= 1
        t = tag.timings
        logs.event(
            logging.INFO,
            "tag",
            request_id=request_id,
            status="OK",
            emotion=tag.emotion,
            celebrate=tag.celebrate,
            outcome=tag.outcome.value,
            confidence=round(tag.emotion_confidence, 3),
            celebrate_probability=round(tag.celebrate_probability, 3),
            n_tokens=tag.n_tokens,
            queue_ms=round(t.queue_ms, 3),
            tokenize_ms=round(t.tokenize_ms, 3),
            infer_ms=round(t.infer_ms, 3),
            total_ms=round((perf_counter() - begin) * 1e3, 3),
        )
        return response

    async def get_info(self, body: bytes, context: Context) -> bytes:
        """Describe the active engine."""
        begin = perf_counter()
        try:
            wire.parse_info_request(body)
            info = wire.to_info(self._ready().backend, self._budget_ms).SerializeToString()
        except Exception as e:
            await _abort(context, e, "get_info", "", begin)
        logs.event(logging.INFO, "get_info", status="OK")
        return info

    def _ready(self) -> Tagger:
        if self.tagger is None:
            raise BackendUnavailable("the service is starting or stopping; retry in a moment")
        return self.tagger

    def handlers(self) -> grpc.GenericRpcHandler:
        """Both methods, without (de)serialisers of gRPC's own."""
        methods: dict[str, Callable[[bytes, Context], Awaitable[bytes]]] = {
            "Tag": self.tag,
            "GetInfo": self.get_info,
        }
        return grpc.method_handlers_generic_handler(
            SERVICE,
            {name: grpc.unary_unary_rpc_method_handler(m) for name, m in methods.items()},
        )


async def _abort(
    context: Context, error: Exception, method: str, request_id: str, begin: float
) -> NoReturn:
    """End the call with the documented status; raises gRPC's abort exception."""
    status = wire.status_of(error)
    known = status is not grpc.StatusCode.INTERNAL
    fields = {"error": type(error).__name__} | ({} if known else {"where": logs.place(error)})
    _log_failure(method, request_id, status.name, begin, **fields)
    details = str(error) if known else "internal error; the server's log names its place"
    await context.abort(status, details)
    raise AssertionError("abort returned")


def _log_failure(method: str, request_id: str, status: str, begin: float, **fields: object) -> None:
    level = logging.ERROR if status == grpc.StatusCode.INTERNAL.name else logging.INFO
    total_ms = round((perf_counter() - begin) * 1e3, 3)
    logs.event(level, method, request_id=request_id, status=status, **fields, total_ms=total_ms)


class Server:
    """A server that can be started and stopped, for `serve` and for tests.

    Args:
        settings: where to listen and what to serve.

    Raises:
        ConfigError: on `start`, when the address cannot be bound.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._servicer = TaggerServicer(settings.budget_ms)
        self._health = health.aio.HealthServicer()
        self._server = grpc.aio.server(options=SERVER_OPTIONS)
        self._server.add_generic_rpc_handlers((self._servicer.handlers(),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        reflection.enable_server_reflection(
            (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME), self._server
        )
        self.port = 0
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Bind, answer NOT_SERVING, load the engine, compute a first answer, then SERVING."""
        host = self._settings.host
        bracketed = f"[{host}]" if ":" in host and not host.startswith("[") else host
        address = f"{bracketed}:{self._settings.port}"
        try:
            self.port = self._server.add_insecure_port(address)
        except RuntimeError as e:
            raise ConfigError(
                f"cannot listen on {address}: the port is in use or the address is not this "
                "machine's; choose another with --host and --port"
            ) from e
        await self._set_health(serving=False)
        await self._server.start()
        try:
            tagger = await asyncio.to_thread(Tagger, self._settings)
            await tagger.start()
        except BaseException:
            await self._server.stop(None)
            raise
        self._servicer.tagger = tagger
        self._watch = asyncio.create_task(self._watch_health(tagger))
        await self._set_health(serving=True)
        logs.event(
            logging.INFO,
            "serving",
            address=f"{address.rpartition(':')[0]}:{self.port}",
            backend=tagger.backend.name,
            engine_version=tagger.backend.engine_version,
        )

    async def _watch_health(self, tagger: Tagger) -> None:
        """Let the health service say what the backend says."""
        healthy = True
        while True:
            await asyncio.sleep(HEALTH_INTERVAL_S)
            was = healthy
            try:
                await asyncio.wait_for(tagger.health(), HEALTH_INTERVAL_S)
                healthy = True
            except Exception:  # whatever it is, it cannot answer
                healthy = False
            if healthy != was:
                await self._set_health(serving=healthy)
                logs.event(logging.WARNING, "health", serving=healthy)

    async def stop(self) -> None:
        """NOT_SERVING, refuse new calls, let those in progress finish within the drain time.

        The port closes last: calls that are already on their way get a clean UNAVAILABLE,
        which clients retry, where closing first would cancel them.
        """
        tagger, self._servicer.tagger = self._servicer.tagger, None
        if self._watch is not None:
            self._watch.cancel()
        await self._set_health(serving=False)
        deadline = perf_counter() + self._settings.drain_seconds
        while self._servicer.in_flight and perf_counter() < deadline:
            await asyncio.sleep(DRAIN_POLL_S)
        await asyncio.sleep(min(LAME_DUCK_S, self._settings.drain_seconds))
        # what still runs has had its time; open health watches would wait for ever
        await self._server.stop(CLOSE_GRACE_S)
        if tagger is not None:
            await tagger.close(CLOSE_GRACE_S)
        logs.event(logging.INFO, "stopped")

    async def _set_health(self, *, serving: bool) -> None:
        statuses = health_pb2.HealthCheckResponse
        status = statuses.SERVING if serving else statuses.NOT_SERVING
        for service in ("", SERVICE):
            await self._health.set(service, status)


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT, then drain; a second signal ends the process at once."""
    logs.configure(settings.log_level)
    logs.event(logging.WARNING, "settings", **settings.model_dump(mode="json"))
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if stop.is_set():
            os._exit(EXIT_FORCED)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    server = Server(settings)
    starting = asyncio.create_task(server.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        # an engine that hangs while loading must not outlive the signal
        starting.cancel()
        await asyncio.wait({starting}, timeout=CLOSE_GRACE_S)
        os._exit(0)
    await starting
    # what start-up has made stays for ever: no collection need walk it again
    gc.collect()
    gc.freeze()
    await stopping
    await server.stop()
