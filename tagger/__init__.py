"""Real-time affect tagger for talking robots.

Public names: `Exchange`, `Turn`, `Tag`, `Outcome`, `TaggerClient`, `AsyncTaggerClient`,
`Tagger`, `load_settings`. They are imported on first use, so that a client does not load
the encoder.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tagger.client import AsyncTaggerClient, TaggerClient
    from tagger.config import load_settings
    from tagger.tagger import Tagger
    from tagger.types import Exchange, Outcome, Tag, Turn

_HOMES = {
    "AsyncTaggerClient": "tagger.client",
    "Exchange": "tagger.types",
    "Outcome": "tagger.types",
    "Tag": "tagger.types",
    "Tagger": "tagger.tagger",
    "TaggerClient": "tagger.client",
    "Turn": "tagger.types",
    "load_settings": "tagger.config",
}

__all__ = [
    "AsyncTaggerClient",
    "Exchange",
    "Outcome",
    "Tag",
    "Tagger",
    "TaggerClient",
    "Turn",
    "load_settings",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'tagger' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name]), name)
    return value
