"""The contract on the wire, against the real server and the shipped engine."""

from __future__ import annotations

import asyncio
import json
import random

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tagger import logs
from tagger.server import MAX_MESSAGE_BYTES, SERVICE
from tagger.types import MAX_TEXT_CHARS
from tagger.v1 import tagger_pb2 as pb
from tagger.v1 import tagger_pb2_grpc as pb_grpc

DEADLINE_S = 5.0
RIGHT = pb.TagRequest(child_utterance="2+2=4", pika_reply="Chính xác! Cậu giỏi quá!")


@pytest.fixture(scope="module")
def channel(server):
    with grpc.insecure_channel(server.target) as channel:
        yield channel


@pytest.fixture(scope="module")
def stub(channel):
    return pb_grpc.TaggerServiceStub(channel)


def raw(channel, body: bytes):
    """Send bytes that no client library would."""
    return channel.unary_unary(f"/{SERVICE}/Tag")(body, timeout=DEADLINE_S)


def status_of(call) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


@pytest.mark.parametrize(
    ("child", "pika", "celebrate"),
    [
        (
            "Dạ, con voi ăn cỏ ạ",
            "Đúng rồi, con giỏi lắm! Voi là loài động vật ăn thực vật.",
            True,
        ),
        ("Tớ thích màu xanh", "Ồ, màu xanh đẹp thật!", False),
        ("2+2=4", "Chính xác! Cậu giỏi quá!", True),
        ("Hay mình xây lâu đài đi", "Wow, ý tưởng của cậu hay quá!", False),
    ],
)
def test_the_four_exchanges_that_must_come_out_right(stub, child, pika, celebrate):
    answer = stub.Tag(pb.TagRequest(child_utterance=child, pika_reply=pika), timeout=DEADLINE_S)
    assert answer.celebrate is celebrate


def test_a_full_answer_has_every_field(stub):
    request = pb.TagRequest(include_scores=True, request_id="r-1")
    request.MergeFrom(RIGHT)
    request.history.add(speaker=pb.SPEAKER_PIKA, text="Hai cộng hai bằng mấy?")
    answer = stub.Tag(request, timeout=DEADLINE_S)
    info = stub.GetInfo(pb.GetInfoRequest(), timeout=DEADLINE_S)
    assert set(answer.emotion_scores) == {e.name for e in info.emotions}
    assert sum(answer.emotion_scores.values()) == pytest.approx(1, abs=1e-4)
    assert max(answer.emotion_scores, key=answer.emotion_scores.get) == answer.emotion
    assert answer.emotion_scores[answer.emotion] == pytest.approx(answer.emotion_confidence)
    assert answer.celebrate == (answer.celebrate_probability >= info.celebrate_threshold)
    assert answer.outcome in (pb.OUTCOME_FULL, pb.OUTCOME_LOW_CONFIDENCE)
    assert (answer.backend, answer.engine_version) == (info.backend, info.engine_version)
    assert answer.request_id == "r-1"
    t = answer.timings
    assert 0 < t.tokenize_ms < t.total_ms
    assert 0 < t.infer_ms < t.total_ms


def test_scores_are_sent_only_when_asked_for(stub):
    assert not stub.Tag(RIGHT, timeout=DEADLINE_S).emotion_scores


def test_info_describes_labels_limits_and_budget(stub):
    info = stub.GetInfo(pb.GetInfoRequest(), timeout=DEADLINE_S)
    assert all(e.meaning for e in info.emotions)
    assert info.safe_default == "neutral"
    assert info.budget_ms == 50
    assert info.limits.max_text_chars == MAX_TEXT_CHARS
    assert info.backend == "encoder"


@pytest.mark.parametrize(
    "request_",
    [
        pb.TagRequest(child_utterance="bốn"),
        pb.TagRequest(child_utterance="bốn", pika_reply=" \n\t"),
        pb.TagRequest(child_utterance="a" * (MAX_TEXT_CHARS + 1), pika_reply="b"),
        pb.TagRequest(pika_reply="b" * (MAX_TEXT_CHARS + 1)),
        pb.TagRequest(pika_reply="b", history=[pb.Turn(text="no speaker")]),
        pb.TagRequest(pika_reply="b", history=[pb.Turn(speaker=7, text="x")]),
        pb.TagRequest(pika_reply="b", history=[pb.Turn(speaker=1, text="x")] * 17),
        pb.TagRequest(pika_reply="b", request_id="r" * 129),
        pb.TagRequest(pika_reply="b", request_id="two\nlines"),
    ],
)
def test_a_broken_limit_is_an_invalid_argument_that_explains_itself(stub, request_):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Tag(request_, timeout=DEADLINE_S)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert len(caught.value.details()) > 20


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xff\xff",
        b"\x0a\x05ab",
        b"\x12\x02\xc3\x28",  # pika_reply with invalid UTF-8
        bytes(range(256)),
    ],
)
def test_undecodable_bytes_are_an_invalid_argument(channel, body):
    assert status_of(lambda: raw(channel, body)) is grpc.StatusCode.INVALID_ARGUMENT


def test_undecodable_bytes_for_get_info_are_an_invalid_argument_too(channel):
    call = channel.unary_unary(f"/{SERVICE}/GetInfo")
    found = status_of(lambda: call(b"\xff\xff\xff", timeout=DEADLINE_S))
    assert found is grpc.StatusCode.INVALID_ARGUMENT


def test_unknown_fields_are_ignored(channel):
    unknown = b"\xf2\x07\x03abc"  # field 126
    answer = pb.TagResponse.FromString(raw(channel, RIGHT.SerializeToString() + unknown))
    assert answer.celebrate


def test_a_message_over_the_limit_is_refused_and_the_server_goes_on(channel, stub):
    body = pb.TagRequest(pika_reply="b" * (MAX_MESSAGE_BYTES + 1)).SerializeToString()
    assert status_of(lambda: raw(channel, body)) is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert stub.Tag(RIGHT, timeout=DEADLINE_S).celebrate


@pytest.mark.parametrize(
    "text",
    [
        "\u0301\u0323 a",
        "e\u0302\u0301 \u0323",
        "👨‍👩‍👧‍👦🏳️‍🌈🇻🇳",
        "\u202eabc\u202c",
        "nul\x00byte",
        "𝕳𝖊𝖑𝖑𝖔",
        "ﷺ" * 100,
        "ừ" * MAX_TEXT_CHARS,
        "😀" * MAX_TEXT_CHARS,
        "1" * MAX_TEXT_CHARS,
    ],
)
def test_odd_text_gets_an_ordinary_answer(stub, text):
    names = {e.name for e in stub.GetInfo(pb.GetInfoRequest(), timeout=DEADLINE_S).emotions}
    answer = stub.Tag(pb.TagRequest(child_utterance=text, pika_reply=text), timeout=DEADLINE_S)
    assert answer.emotion in names


def test_random_messages_get_a_documented_status(channel):
    """Mutated valid bodies: never INTERNAL or UNKNOWN, and the server answers afterwards."""
    rng = random.Random(7)
    valid = RIGHT.SerializeToString()
    seen = set()
    for _ in range(400):
        body = bytearray(valid)
        for _ in range(rng.randint(1, 6)):
            body[rng.randrange(len(body))] = rng.randrange(256)
        try:
            raw(channel, bytes(body[: rng.randint(0, len(body))]))
            seen.add(grpc.StatusCode.OK)
        except grpc.RpcError as e:
            seen.add(e.code())
    assert seen <= {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}
    assert pb.TagResponse.FromString(raw(channel, valid)).celebrate


def test_answers_do_not_depend_on_load(server, stub):
    requests = [
        pb.TagRequest(child_utterance=f"{i} cộng 1", pika_reply="Đúng rồi! " * (i % 5 + 1))
        for i in range(40)
    ]
    alone = [stub.Tag(r, timeout=DEADLINE_S).celebrate_probability for r in requests]
    calls = [stub.Tag.future(r, timeout=DEADLINE_S) for r in requests]
    assert [c.result().celebrate_probability for c in calls] == alone


def test_health_and_reflection(channel):
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", SERVICE):
        answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE_S)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    assert SERVICE in ProtoReflectionDescriptorDatabase(channel).get_services()


async def test_an_unexpected_error_is_internal_and_tells_nothing(server, stub, monkeypatch, capfd):
    secret = "mật khẩu của bé"

    async def explode(*_, **__):
        raise ValueError(secret)

    monkeypatch.setattr(server.server._servicer.tagger, "tag", explode)
    logs.configure("info")
    with pytest.raises(grpc.RpcError) as caught:
        await asyncio.to_thread(stub.Tag, RIGHT, timeout=DEADLINE_S)
    assert caught.value.code() is grpc.StatusCode.INTERNAL
    assert secret not in caught.value.details()
    err = capfd.readouterr().err
    logged = [json.loads(line) for line in err.splitlines()]
    assert logged[-1]["error"] == "ValueError"
    assert logged[-1]["where"].startswith("test_server.py:")
    assert secret not in err


def test_one_log_line_a_request_without_a_word_of_it(stub, capfd):
    logs.configure("info")
    stub.Tag(
        pb.TagRequest(
            child_utterance="bí mật tuyệt đối", pika_reply="hoàng yến 🦜", request_id="r-42"
        ),
        timeout=DEADLINE_S,
    )
    with pytest.raises(grpc.RpcError):
        stub.Tag(pb.TagRequest(child_utterance="bí mật" * 2000, pika_reply="x"), timeout=1)
    err = capfd.readouterr().err
    first, second = [json.loads(line) for line in err.splitlines()]
    assert second["error"] == "InvalidExchange"
    assert first["request_id"] == "r-42"
    assert first["status"] == "OK"
    assert {"emotion", "celebrate", "n_tokens", "queue_ms", "infer_ms", "total_ms"} <= set(first)
    assert second["status"] == "INVALID_ARGUMENT"
    for word in ("bí mật", "tuyệt", "hoàng", "yến", "🦜"):
        assert word not in err
        assert json.dumps(word)[1:-1] not in err
