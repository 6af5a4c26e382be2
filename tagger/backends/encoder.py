"""The embedded default: a multi-head encoder run by ONNX Runtime, one exchange a run.

    backend = EncoderBackend(Engine.load(shipped_engine()))
    await backend.start()

Exchanges are never padded together: dynamic int8 quantisation scales a whole tensor, so a
neighbour in the batch would change the answer. One exchange a run keeps every answer
independent of load, and on a CPU costs no throughput.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
import onnxruntime as ort

from tagger.engine import Engine, shipped_engine
from tagger.errors import BackendUnavailable, ConfigError, EngineError
from tagger.tokenizer import ExchangeTokenizer
from tagger.types import Exchange, Scores

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    import numpy.typing as npt

    from tagger.config import Settings

WARMUP_RUNS: Final = 8


class EncoderBackend:
    """Runs an encoder engine on its own thread.

    Args:
        engine: a verified engine directory.
        provider: an ONNX Runtime execution provider.
        threads: intra-op threads.

    Raises:
        EngineError: the graph cannot be loaded or its outputs do not fit the label set.
        ConfigError: the provider is not available in this installation.
    """

    name = "encoder"
    max_batch_size: int | None = 1

    def __init__(
        self, engine: Engine, provider: str = "CPUExecutionProvider", threads: int = 1
    ) -> None:
        available = ort.get_available_providers()
        if provider not in available:
            raise ConfigError(
                f"provider {provider!r} is not available; this installation has "
                f"{', '.join(available)} (for a GPU replace onnxruntime by onnxruntime-gpu)"
            )
        table = engine.table
        self.labels = table.labels
        self.thresholds = table.decision
        self.limits = table.input
        self.engine_version = engine.version
        self._tokenizer = ExchangeTokenizer.from_file(
            engine.tokenizer_path, table.input, table.input.cls_token, table.input.sep_token
        )
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        # A spinning pool thread takes the core that gRPC and the tokenizer need.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            self._session = ort.InferenceSession(
                str(engine.model_path), options, providers=[provider]
            )
        except Exception as e:  # ONNX Runtime raises bare exceptions of many kinds
            raise EngineError(f"cannot load {engine.model_path}: {e}") from e
        if self._session.get_providers()[0] != provider:
            raise ConfigError(
                f"provider {provider!r} could not start on this machine (ONNX Runtime fell back "
                f"to {self._session.get_providers()[0]}); check its driver and libraries"
            )
        self._check_outputs(engine)
        self._thread = ThreadPoolExecutor(1, "encoder")
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The backend that the settings describe."""
        engine = Engine.load(settings.engine or shipped_engine())
        return cls(engine, settings.provider, settings.threads)

    def _check_outputs(self, engine: Engine) -> None:
        shapes = {o.name: o.shape for o in self._session.get_outputs()}
        n_labels = len(self.labels.emotions)
        found = shapes.get("emotion", [None])[-1]
        if found != n_labels or "celebrate" not in shapes:
            raise EngineError(
                f"{engine.model_path} has outputs {shapes}; expected emotion with {n_labels} "
                "columns, as engine.toml names labels, and celebrate"
            )

    async def start(self) -> None:
        """Run inputs of every length class once, so that no request pays for allocation."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._warm_up)

    def _warm_up(self) -> None:
        for i in range(WARMUP_RUNS):
            words = "ấm " * (self.limits.reply_tokens * (i + 1) // WARMUP_RUNS)
            self.score_one(Exchange(words, words))

    async def score(self, batch: Sequence[Exchange]) -> list[Scores]:
        """Score on the backend's thread; raises BackendUnavailable after `close`."""
        await self.health()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._score_batch, batch)

    def _score_batch(self, batch: Sequence[Exchange]) -> list[Scores]:
        return [self.score_one(exchange) for exchange in batch]

    def score_one(self, exchange: Exchange) -> Scores:
        """Score one exchange on the calling thread."""
        begin = perf_counter()
        ids = self._tokenizer.encode(exchange)
        tokenized = perf_counter()
        emotion, celebrate = self._session.run(
            ("emotion", "celebrate"), {"input_ids": np.array([ids], dtype=np.int64)}
        )
        scores = softmax(emotion[0] / self.thresholds.emotion_temperature)
        logit = float(celebrate[0]) / self.thresholds.celebrate_temperature
        return Scores(
            emotion=scores,
            celebrate=float(1.0 / (1.0 + np.exp(-logit))),
            n_tokens=len(ids),
            tokenize_ms=(tokenized - begin) * 1e3,
            infer_ms=(perf_counter() - tokenized) * 1e3,
        )

    async def health(self) -> None:
        """The session lives in this process: healthy until closed."""
        if self._closed:
            raise BackendUnavailable("the encoder is closed; the server is shutting down")

    async def close(self) -> None:
        """Stop the thread after the run in progress."""
        self._closed = True
        self._thread.shutdown(wait=False)


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Softmax of one row; float32 in, float32 out."""
    e = np.exp(logits - logits.max())
    return np.asarray(e / e.sum(), dtype=np.float32)
