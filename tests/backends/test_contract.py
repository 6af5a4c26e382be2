"""One body, every backend: what the seam promises, whoever is behind it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tagger.backends import BACKENDS, load_backend
from tagger.config import Settings
from tagger.errors import BackendUnavailable, ConfigError, EngineError
from tagger.types import Exchange, Turn

EXCHANGES = [
    Exchange("hai cộng hai bằng bốn", "Chính xác! Cậu giỏi quá!"),
    Exchange("tớ thích màu xanh", "Ồ, màu xanh đẹp thật!"),
    Exchange("", "Chào cậu, hôm nay cậu thế nào?"),
    Exchange("eight", "Mm-hm, eight.", (Turn("pika", "How many legs does a spider have?"),)),
]


@pytest.fixture(params=sorted(BACKENDS))
async def backend(request):
    loaded = load_backend(Settings(backend=request.param))
    await loaded.start()
    yield loaded
    await loaded.close()


async def score_all(backend, exchanges):
    size = backend.max_batch_size or len(exchanges)
    scores = []
    for start in range(0, len(exchanges), size):
        scores += await backend.score(exchanges[start : start + size])
    return scores


async def test_scores_are_probabilities_in_label_order(backend):
    for scores in await score_all(backend, EXCHANGES):
        assert scores.emotion.shape == (len(backend.labels.emotions),)
        assert scores.emotion.dtype == np.float32
        assert scores.emotion.min() >= 0
        assert scores.emotion.sum() == pytest.approx(1, abs=1e-5)
        assert 0 <= scores.celebrate <= 1
        assert scores.n_tokens > 0


async def test_answers_come_in_order_and_do_not_depend_on_neighbours(backend):
    forward = await score_all(backend, EXCHANGES)
    backward = await score_all(backend, EXCHANGES[::-1])
    for a, b in zip(forward, backward[::-1], strict=True):
        assert a.emotion == pytest.approx(b.emotion, abs=1e-5)
        assert a.celebrate == pytest.approx(b.celebrate, abs=1e-5)


async def test_a_right_answer_is_told_from_a_preference(backend):
    right, preference, *_ = await score_all(backend, EXCHANGES)
    assert right.celebrate > preference.celebrate


async def test_concurrent_calls_are_all_answered(backend):
    answers = await asyncio.gather(*(backend.score([e]) for e in EXCHANGES * 10))
    assert [len(a) for a in answers] == [1] * 40


async def test_a_closed_backend_is_unavailable(backend):
    await backend.health()
    await backend.close()
    with pytest.raises(BackendUnavailable):
        await backend.health()
    with pytest.raises(BackendUnavailable):
        await backend.score(EXCHANGES[:1])
    await backend.close()


def test_labels_that_do_not_fit_the_model_are_refused(engine_copy):
    path = engine_copy / "engine.toml"
    head, _, _ = path.read_text().rpartition("[[labels.emotions]]")
    path.write_text(head)
    with pytest.raises(EngineError, match="expected emotion with 12 columns"):
        load_backend(Settings(engine=engine_copy))


def test_a_backend_of_the_callers_own_is_named_by_module_and_class():
    loaded = load_backend(Settings(backend="tagger.backends.encoder:EncoderBackend"))
    assert loaded.name == "encoder"


@pytest.mark.parametrize("name", ["magic", "json:nothing", "no.such.module:Class", ":", "a:"])
def test_an_unknown_backend_is_one_sentence(name):
    with pytest.raises(ConfigError, match=name.replace(".", r"\.")):
        load_backend(Settings(backend=name))
