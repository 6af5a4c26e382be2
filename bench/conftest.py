"""The real server and a bare echo in processes of their own, and a workload of real texts."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tagger.records import read_jsonl

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tagger.types import Exchange

ROOT = Path(__file__).parent.parent
DATA = ROOT / "engines" / "encoder" / "data"
N_EXCHANGES = 400


@dataclass
class Service:
    """A server process that is ready."""

    target: str
    pid: int
    start_s: float


@pytest.fixture(scope="session")
def short() -> bool:
    """Whether this is CI's short run."""
    return bool(os.environ.get("BENCH_SHORT"))


@pytest.fixture(scope="session")
def exchanges() -> list[Exchange]:
    """Exchanges from every batch, so that lengths are those of the data."""
    records = [r for f in sorted(DATA.glob("*.jsonl")) for r in read_jsonl(f)]
    return [r.exchange() for r in random.Random(0).sample(records, N_EXCHANGES)]


def _start(command: list[str], log: Path) -> Iterator[Service]:
    began = time.perf_counter()
    with log.open("w") as sink:
        process = subprocess.Popen([sys.executable, *command], stderr=sink, cwd=ROOT)
        try:
            address = _address(process, log)
            yield Service(address, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            process.wait(10)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(3000):
        for line in log.read_text().splitlines():
            event = json.loads(line) if line.startswith("{") else {}
            if event.get("event") == "serving":
                return str(event["address"])
        if process.poll() is not None:
            break
        time.sleep(0.01)
    raise RuntimeError(f"the server did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """`tagger serve` with the shipped engine and default settings on a free port."""
    log = tmp_path_factory.mktemp("server") / "log.jsonl"
    yield from _start(["-m", "tagger.cli", "serve", "--port", "0"], log)


@pytest.fixture(scope="session")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A grpc.aio server that answers the same messages without doing anything."""
    log = tmp_path_factory.mktemp("echo") / "log.jsonl"
    yield from _start([str(Path(__file__).parent / "echo_server.py")], log)
