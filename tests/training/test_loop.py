"""A killed run that goes on ends where an unbroken one ends."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.training

from tagger.training.loop import Trainer
from tagger.training.recipe import Phase

PHASE = Phase(epochs=4, learning_rate=0.05, weight_decay=0.0)


class Killed(Exception):
    pass


def fresh():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.Dropout(0.5))


def run(checkpoint, stop_at: int | None = None):
    module = fresh()

    def batches(epoch: int):
        if epoch == stop_at:
            raise Killed
        generator = torch.Generator().manual_seed(epoch)
        return [torch.randn(8, 3, generator=generator) for _ in range(5)]

    def loss(x):
        return (module(x) - x.flip(-1)).square().mean()

    Trainer(module, PHASE, checkpoint).run("test", batches, loss)
    return module[0].weight.detach().clone()


def test_resuming_gives_the_weights_of_an_unbroken_run(tmp_path):
    unbroken = run(tmp_path / "a.pt")
    with pytest.raises(Killed):
        run(tmp_path / "b.pt", stop_at=2)
    assert torch.equal(run(tmp_path / "b.pt"), unbroken)


def test_training_learns_something(tmp_path):
    flip = torch.eye(3).flip(0)
    begin = fresh()[0].weight.detach()
    assert (run(tmp_path / "c.pt") - flip).norm() < (begin - flip).norm()
