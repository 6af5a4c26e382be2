"""Start, overload, stop: the server's life, on servers of the tests' own."""

from __future__ import annotations

import asyncio
import json

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tagger import logs
from tagger.config import Settings
from tagger.errors import BackendUnavailable, ConfigError, EngineError
from tagger.server import Server
from tagger.v1 import tagger_pb2 as pb
from tagger.v1 import tagger_pb2_grpc as pb_grpc

DEADLINE_S = 5.0
RIGHT = pb.TagRequest(child_utterance="2+2=4", pika_reply="Chính xác! Cậu giỏi quá!")


async def test_not_serving_and_unavailable_until_the_engine_has_answered(monkeypatch):
    """Hold the first answer back and look at the server meanwhile."""
    from tagger import server as module

    release = asyncio.Event()
    real = module.Tagger.start

    async def held(self):
        await release.wait()
        await real(self)

    monkeypatch.setattr(module.Tagger, "start", held)
    server = Server(Settings(port=0))
    starting = asyncio.create_task(server.start())
    while not server.port:
        await asyncio.sleep(0.01)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        await channel.channel_ready()
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest()
        assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await pb_grpc.TaggerServiceStub(channel).Tag(RIGHT)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
        release.set()
        await starting
        assert (await health.Check(request)).status == health_pb2.HealthCheckResponse.SERVING
        assert (await pb_grpc.TaggerServiceStub(channel).Tag(RIGHT)).celebrate
    await server.stop()


async def test_calls_in_progress_are_answered_when_the_server_stops():
    server = Server(Settings(port=0, drain_seconds=5))
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = pb_grpc.TaggerServiceStub(channel)
        await stub.Tag(RIGHT)
        calls = [asyncio.ensure_future(stub.Tag(RIGHT)) for _ in range(20)]
        await asyncio.sleep(0.01)
        await server.stop()
        answers = await asyncio.gather(*calls, return_exceptions=True)
    # a call either was accepted and has its answer, or never reached the server
    for answer in answers:
        if isinstance(answer, grpc.aio.AioRpcError):
            assert answer.code() is grpc.StatusCode.UNAVAILABLE
        else:
            assert answer.celebrate
    assert any(not isinstance(a, Exception) for a in answers)


async def test_a_port_in_use_is_one_sentence(server):
    port = int(server.target.rpartition(":")[2])
    with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1:{port}"):
        await Server(Settings(port=port)).start()


async def test_a_damaged_engine_stops_the_start_by_name(engine_copy):
    (engine_copy / "model.onnx").write_bytes(b"rubbish")
    with pytest.raises(EngineError, match=r"model\.onnx does not match"):
        await Server(Settings(port=0, engine=engine_copy)).start()


async def test_a_full_queue_is_refused_and_an_expired_call_is_logged(capfd):
    """A backend that is busy with one call, one that waits, one too many."""
    logs.configure("info")
    server = Server(Settings(port=0, max_queue=1, drain_seconds=0))
    await server.start()
    release = asyncio.Event()
    backend = server._servicer.tagger.backend
    real = backend.score

    async def held(batch):
        await release.wait()
        return await real(batch)

    backend.score = held
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = pb_grpc.TaggerServiceStub(channel)
        busy = asyncio.ensure_future(stub.Tag(RIGHT, timeout=DEADLINE_S))
        await asyncio.sleep(0.2)
        waiting = asyncio.ensure_future(stub.Tag(RIGHT, timeout=0.3))
        await asyncio.sleep(0.1)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.Tag(RIGHT, timeout=DEADLINE_S)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await waiting
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        release.set()
        assert (await busy).celebrate
    await server.stop()
    statuses = [json.loads(line).get("status") for line in capfd.readouterr().err.splitlines()]
    assert {"RESOURCE_EXHAUSTED", "CANCELLED", "OK"} <= set(statuses)


async def test_a_stuck_backend_cannot_hold_up_the_stop():
    server = Server(Settings(port=0, drain_seconds=0.2))
    await server.start()

    async def stuck(batch):
        await asyncio.Event().wait()

    server._servicer.tagger.backend.score = stuck
    async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = asyncio.ensure_future(pb_grpc.TaggerServiceStub(channel).Tag(RIGHT))
        await asyncio.sleep(0.2)
        await asyncio.wait_for(server.stop(), 3)
        with pytest.raises(grpc.aio.AioRpcError):
            await call


async def test_health_follows_the_backend(monkeypatch):
    from tagger import server as module

    monkeypatch.setattr(module, "HEALTH_INTERVAL_S", 0.02)
    server = Server(Settings(port=0, drain_seconds=0))
    await server.start()
    backend = server._servicer.tagger.backend

    async def status() -> int:
        await asyncio.sleep(0.15)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            return (await stub.Check(health_pb2.HealthCheckRequest())).status

    real = backend.health

    async def ill():
        raise BackendUnavailable("ill")

    backend.health = ill
    assert await status() == health_pb2.HealthCheckResponse.NOT_SERVING
    backend.health = real
    assert await status() == health_pb2.HealthCheckResponse.SERVING
    await server.stop()
