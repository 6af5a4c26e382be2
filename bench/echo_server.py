"""The gRPC floor: same method, same messages, no work.

python bench/echo_server.py
"""

from __future__ import annotations

import asyncio
import json
import sys

import grpc

from tagger.server import SERVER_OPTIONS, SERVICE
from tagger.v1 import tagger_pb2 as pb

ANSWER = pb.TagResponse(
    emotion="proud",
    celebrate=True,
    emotion_confidence=0.9,
    celebrate_probability=0.9,
    outcome=pb.OUTCOME_FULL,
    backend="encoder",
    engine_version="encoder-2026.01.01+0123456789ab",
    timings=pb.Timings(queue_ms=0.1, tokenize_ms=0.1, infer_ms=1.0, total_ms=1.3),
)


async def _tag(request: pb.TagRequest, context: object) -> pb.TagResponse:
    return ANSWER


async def _main() -> None:
    server = grpc.aio.server(options=SERVER_OPTIONS)
    handler = grpc.unary_unary_rpc_method_handler(
        _tag, pb.TagRequest.FromString, pb.TagResponse.SerializeToString
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Tag": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    event = {"event": "serving", "address": f"127.0.0.1:{port}"}
    print(json.dumps(event), file=sys.stderr, flush=True)
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(_main())
