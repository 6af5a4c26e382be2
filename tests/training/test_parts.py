from __future__ import annotations

import random

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.training

from tagger.labels import LabelSet
from tagger.records import Record
from tagger.training import augment, calibrate
from tagger.training.batches import batch_indices, pad
from tagger.training.data import celebrate_target, emotion_target
from tagger.training.export import lean, smooth
from tagger.training.fakequant import FakeQuantization, rounded
from tagger.training.model import TaggerModel, build_encoder
from tagger.training.recipe import ModelRecipe
from tagger.training.tokenizers import train_tokenizer
from tagger.training.transplant import COMMON_ENGLISH, _source_ids
from tagger.types import Exchange, Turn

LABELS = LabelSet.model_validate(
    {
        "safe_default": "a",
        "celebrate_meaning": "x",
        "emotions": [{"name": n, "meaning": n} for n in "abc"],
    }
)
TEXTS = ["con voi to lắm", "con mèo nhỏ", "đúng rồi giỏi quá", "what a big elephant 😀"] * 5


def test_diacritics_and_emoji_are_dropped_and_nothing_else():
    assert augment.drop_diacritics("Đường thuở ấy, ổn!") == "Duong thuo ay, on!"
    assert augment.strip_emoji("Giỏi quá 🎉👍🏽!") == "Giỏi quá !"
    assert augment.strip_emoji("🎉") == "🎉"
    assert augment.as_spoken("Dạ, con voi ạ!") == "dạ con voi ạ"
    assert augment.as_spoken("?!") == "?!"


def test_noise_is_repeatable_and_never_empties_a_text():
    for text in ("bốn", "", "con voi ăn cỏ ạ", "!", "12"):
        for seed in range(50):
            noisy = augment.asr_noise(text, random.Random(seed), rate=0.9)
            assert noisy == augment.asr_noise(text, random.Random(seed), rate=0.9)
            assert bool(noisy) == bool(text) or noisy


def test_augmented_exchanges_are_valid_exchanges():
    exchange = Exchange("Dạ, bốn ạ!", "🎉", (Turn("pika", "mấy?"),))
    seen = {augment.augment(exchange, random.Random(i)) for i in range(200)}
    assert len(seen) > 5
    for variation in seen:
        variation.check()


def test_targets_average_readers_and_share_with_also():
    record = Record.model_validate(
        {
            "child_utterance": "x",
            "pika_reply": "y",
            "emotion": "a",
            "also": ["b"],
            "celebrate": "yes",
            "second": {"emotion": "c", "also": [], "celebrate": "no"},
        }
    )
    assert emotion_target(record, LABELS, 0.2) == pytest.approx([0.4, 0.1, 0.5])
    assert celebrate_target(record) == 0.5
    soft = Record.model_validate(
        {
            "child_utterance": "x",
            "pika_reply": "y",
            "soft": {"emotion": {"a": 0.5, "b": 0.5}, "celebrate": 0.3},
        }
    )
    assert emotion_target(soft, LABELS, 0.2) == pytest.approx([0.5, 0.5, 0])
    assert celebrate_target(soft) == 0.3
    nothing = Record(child_utterance="x", pika_reply="y")
    assert emotion_target(nothing, LABELS, 0.2).sum() == 0
    assert celebrate_target(nothing) is None


def test_batches_hold_every_index_once_and_similar_lengths():
    lengths = [random.Random(i).randint(1, 90) for i in range(1000)]
    batches = batch_indices(lengths, 32, random.Random(0))
    assert sorted(i for b in batches for i in b) == list(range(1000))
    spread = max(max(lengths[i] for i in b) - min(lengths[i] for i in b) for b in batches)
    assert spread < 20
    ids, mask = pad([[1, 2], [3]], 0)
    assert ids.tolist() == [[1, 2], [3, 0]]
    assert mask.tolist() == [[1, 1], [1, 0]]


def test_temperature_repairs_overconfidence():
    rng = np.random.default_rng(0)
    gold = rng.integers(0, 3, 3000)
    logits = rng.normal(0, 1, (3000, 3)).astype(np.float32)
    logits[np.arange(3000), gold] += 1.0
    assert calibrate.emotion_temperature(logits * 2.5, gold) == pytest.approx(2.5, rel=0.15)
    yes = rng.random(3000) < 0.5
    margin = np.where(yes, 2.0, -2.0) + rng.normal(0, 2.0, 3000)
    assert calibrate.celebrate_temperature(margin.astype(np.float32) * 2, yes) == pytest.approx(
        2, rel=0.3
    )


def test_the_threshold_keeps_false_celebrations_at_the_ceiling():
    rng = np.random.default_rng(1)
    gold = rng.random(2000) < 0.4
    probabilities = np.clip(np.where(gold, 0.8, 0.3) + rng.normal(0, 0.15, 2000), 0, 1)
    threshold = calibrate.celebrate_threshold(probabilities.astype(np.float32), gold, 0.02)
    assert ((probabilities >= threshold) & ~gold).sum() <= 0.02 * (~gold).sum()


def test_a_word_starts_from_its_gloss_unless_it_is_common_english():
    base = train_tokenizer(TEXTS, 200)
    base_id = base.token_to_id("elephant")
    assert _source_ids("elephant", base, {}) == [base_id]
    assert _source_ids("zzz9", base, {"zzz9": "elephant"}) == [base_id]
    assert _source_ids("ư", base, {}) == []
    assert base.token_to_id("to") < COMMON_ENGLISH
    assert _source_ids("to", base, {"to": "big"}) == [base.token_to_id("to")]


def test_a_base_vocabulary_joins_without_doubles():
    base = train_tokenizer(["wonderful explorers"] * 5, 300)
    tokenizer = train_tokenizer(TEXTS, 120, base, 500)
    assert tokenizer.token_to_id("wonderful") is not None
    assert len(set(tokenizer.get_vocab().values())) == tokenizer.get_vocab_size()
    assert tokenizer.encode("VOI 😀").tokens == ["voi", "😀"]


@torch.no_grad()
def test_the_lean_twin_and_smoothing_leave_the_function_as_it_was():
    tokenizer = train_tokenizer(TEXTS, 200)
    torch.manual_seed(0)
    recipe = ModelRecipe(hidden_size=32, layers=2, heads=4, max_positions=64)
    model = TaggerModel(build_encoder(recipe, tokenizer), 3, 2, 0.1).eval()
    sequences = [[2, *tokenizer.encode(t).ids, 3, 3, 9, 3] for t in TEXTS]
    before = [model(torch.tensor([s]))[0] for s in sequences]
    lean(model)
    smooth(model, sequences)
    after = [model(torch.tensor([s]))[0] for s in sequences]
    for a, b in zip(before, after, strict=True):
        assert torch.allclose(a, b, atol=1e-4)


def test_rounding_has_256_levels_an_exchange_and_the_plain_gradient():
    x = torch.randn(3, 50, 40) * torch.tensor([1.0, 10.0, 100.0]).view(3, 1, 1)
    x.requires_grad_()
    y = rounded(x)
    for row, original in zip(y.detach(), x.detach(), strict=True):
        assert len(row.unique()) <= 256
        step = (original.max() - original.min()) / 255
        assert (row - original).abs().max() <= step
    y.sum().backward()
    assert torch.equal(x.grad, torch.ones_like(x))


def test_rounding_is_felt_in_training_only():
    module = torch.nn.Linear(40, 2)
    rounding = FakeQuantization(module)
    x = torch.randn(4, 40)
    plain = module(x)
    rounding.enabled = True
    assert not torch.equal(module(x), plain)
    assert torch.equal(module.eval()(x), plain)
