"""A real in-process server with the shipped engine; nothing is mocked."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
from typing import TYPE_CHECKING

import pytest

from tagger.config import Settings
from tagger.engine import shipped_engine
from tagger.server import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class RunningServer:
    """A server on an event loop of its own thread, for blocking tests."""

    def __init__(self, settings: Settings) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.server = self.call(self._create(settings))
        self.call(self.server.start())
        self.target = f"127.0.0.1:{self.server.port}"

    async def _create(self, settings):
        return Server(settings)

    def call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(30)

    def stop(self) -> None:
        self.call(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


@pytest.fixture(scope="session")
def server() -> Iterator[RunningServer]:
    running = RunningServer(Settings(port=0, log_level="error", drain_seconds=1))
    yield running
    running.stop()


@pytest.fixture
def engine_copy(tmp_path: Path) -> Path:
    """A copy of the shipped engine that a test may damage."""
    return shutil.copytree(shipped_engine(), tmp_path / "engine")


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    """`logs.configure` binds standard error, which pytest replaces for every test."""
    root, package = logging.getLogger(), logging.getLogger("tagger")
    handlers, level = list(root.handlers), package.level
    yield
    root.handlers[:] = handlers
    package.setLevel(level)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in os.environ:
        if name.startswith("TAGGER_"):
            monkeypatch.delenv(name)
