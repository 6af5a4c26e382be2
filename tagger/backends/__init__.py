"""Backends by name; a heavy dependency is imported only when its backend is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from tagger.errors import ConfigError, TaggerError

if TYPE_CHECKING:
    from tagger.backends.base import Backend
    from tagger.config import Settings

BACKENDS: Final = {
    "encoder": "tagger.backends.encoder:EncoderBackend",
}


def load_backend(settings: Settings) -> Backend:
    """Construct the backend that the settings name, or any `module:Class` of the caller's.

    Raises:
        ConfigError: the name is unknown or cannot be imported.
        EngineError: its engine is missing or damaged.
    """
    target = BACKENDS.get(settings.backend, settings.backend)
    module_name, _, attribute = target.partition(":")
    if not attribute:
        raise ConfigError(
            f"unknown backend {settings.backend!r}; expected one of "
            f"{', '.join(sorted(BACKENDS))}, or module:Class"
        )
    try:
        backend: Backend = getattr(import_module(module_name), attribute).from_settings(settings)
    except TaggerError:
        raise
    except Exception as e:  # whatever somebody else's module raises
        raise ConfigError(
            f"cannot load backend {settings.backend!r}: {type(e).__name__}: {e}"
        ) from e
    return backend
