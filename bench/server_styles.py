"""grpc.aio against threads, on this service: the measurement behind the choice in server.py.

    .venv/bin/python bench/server_styles.py

The threaded door does the least it could (parse, score on the handler's thread under a lock,
serialise), so the comparison favours it. Both run in processes of their own; calls alternate.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np

from tagger import wire
from tagger.backends.encoder import EncoderBackend
from tagger.client import AsyncTaggerClient, TaggerClient
from tagger.config import Settings
from tagger.decision import decide
from tagger.engine import Engine, shipped_engine
from tagger.records import read_jsonl
from tagger.server import SERVER_OPTIONS, SERVICE, Server
from tagger.types import Tag, Timings

DATA = Path(__file__).parent.parent / "engines" / "encoder" / "data"
ROUNDS = 500
CONCURRENCY = 8
BLOCKS = 6


def run_aio(pipe) -> None:
    async def main() -> None:
        server = Server(Settings(port=0, log_level="error"))
        await server.start()
        pipe.send(server.port)
        await asyncio.Event().wait()

    asyncio.run(main())


def run_threads(pipe) -> None:
    backend = EncoderBackend(Engine.load(shipped_engine()))
    lock = threading.Lock()

    def tag(body: bytes, context: object) -> bytes:
        begin = time.perf_counter()
        request = wire.parse_request(body)
        exchange = wire.to_exchange(request)
        with lock:
            scores = backend.score_one(exchange)
        decision = decide(scores, backend.labels, backend.thresholds)
        total = (time.perf_counter() - begin) * 1e3
        answer = Tag(
            decision.emotion,
            decision.celebrate,
            decision.emotion_confidence,
            scores.celebrate,
            backend=backend.name,
            engine_version=backend.engine_version,
            timings=Timings(0, scores.tokenize_ms, scores.infer_ms, total),
        )
        return wire.to_response(answer, request.request_id).SerializeToString()

    server = grpc.server(ThreadPoolExecutor(CONCURRENCY), options=SERVER_OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(tag)
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Tag": handler}),)
    )
    pipe.send(server.add_insecure_port("127.0.0.1:0"))
    server.start()
    server.wait_for_termination()


async def burst(target: str, exchanges: list) -> float:
    """Calls a second with CONCURRENCY in flight."""
    async with AsyncTaggerClient(target, 10_000) as client:
        await client.tag(exchanges[0])
        queue = iter(exchanges)

        async def caller() -> None:
            for exchange in queue:
                await client.tag(exchange)

        began = time.perf_counter()
        await asyncio.gather(*(caller() for _ in range(CONCURRENCY)))
        return len(exchanges) / (time.perf_counter() - began)


def main() -> int:
    records = [r for f in sorted(DATA.glob("*.jsonl")) for r in read_jsonl(f)]
    exchanges = [r.exchange() for r in random.Random(0).sample(records, ROUNDS)]
    context = multiprocessing.get_context("spawn")
    styles, processes = {}, []
    for name, target in (("aio", run_aio), ("threads", run_threads)):
        parent, child = context.Pipe()
        process = context.Process(target=target, args=(child,), daemon=True)
        process.start()
        processes.append(process)
        styles[name] = f"127.0.0.1:{parent.recv()}"
    clients = {name: TaggerClient(address, 10_000) for name, address in styles.items()}
    samples: dict[str, list[float]] = {name: [] for name in styles}
    rates: dict[str, list[float]] = {name: [] for name in styles}
    for exchange in exchanges[:50]:
        for client in clients.values():
            client.tag(exchange)
    for exchange in exchanges:
        for name, client in clients.items():
            began = time.perf_counter()
            client.tag(exchange)
            samples[name].append((time.perf_counter() - began) * 1e3)
    for _ in range(BLOCKS):
        for name, address in styles.items():
            rates[name].append(asyncio.run(burst(address, exchanges)))
    result = {
        name: {
            "p50_ms": round(float(np.percentile(samples[name], 50)), 3),
            "p99_ms": round(float(np.percentile(samples[name], 99)), 3),
            f"per_s_at_{CONCURRENCY}": round(float(np.median(rates[name])), 1),
        }
        for name in styles
    }
    for name, row in result.items():
        print(f"{name:<8}", *(f"{k} {v}" for k, v in row.items()))
    print(json.dumps(result))
    for process in processes:
        process.terminate()
    return 0


if __name__ == "__main__":
    sys.exit(main())
