"""An engine directory: `engine.toml` beside the files it vouches for.

    engine = Engine.load(shipped_engine())

`engine.toml` carries the label set, thresholds, temperatures, input layout and the SHA-256
of every file; a file that does not match is refused by name.
"""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tagger.errors import EngineError
from tagger.labels import LabelSet
from tagger.tokenizer import InputLimits

ENGINE_FILE: Final = "engine.toml"
MODEL_FILE: Final = "model.onnx"
TOKENIZER_FILE: Final = "tokenizer.json"
FORMAT: Final = 1

Probability = Annotated[float, Field(ge=0, le=1)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class DecisionTable(_Table):
    """Thresholds and temperatures, chosen on validation data when the engine was built."""

    celebrate_threshold: Probability
    low_confidence: Probability
    emotion_temperature: Annotated[float, Field(gt=0)]
    celebrate_temperature: Annotated[float, Field(gt=0)]


class InputTable(InputLimits):
    """Input layout: limits and the two special tokens."""

    cls_token: str = "[CLS]"
    sep_token: str = "[SEP]"


class EngineTable(_Table):
    """The content of `engine.toml`."""

    format: int
    name: str
    version: str
    files: dict[str, Sha256]
    input: InputTable
    decision: DecisionTable
    labels: LabelSet

    @model_validator(mode="after")
    def _known(self) -> EngineTable:
        if self.format != FORMAT:
            raise ValueError(f"format is {self.format}; this version reads {FORMAT}")
        missing = {MODEL_FILE, TOKENIZER_FILE} - self.files.keys()
        if missing:
            raise ValueError(f"[files] lacks {', '.join(sorted(missing))}")
        return self


class Engine:
    """A loaded, verified engine directory.

    Args:
        directory: where the files are.
        table: the validated `engine.toml`.
        content_hash: 12 hex digits over `engine.toml` and, through its hashes, every file.
    """

    def __init__(self, directory: Path, table: EngineTable, content_hash: str) -> None:
        self.directory = directory
        self.table = table
        self.version = f"{table.name}-{table.version}+{content_hash}"

    @classmethod
    def load(cls, directory: Path) -> Engine:
        """Read `engine.toml` and check every file's hash.

        Raises:
            EngineError: names the file that is missing, unreadable or does not match.
        """
        path = directory / ENGINE_FILE
        raw = _read(path)
        try:
            table = EngineTable.model_validate(tomllib.loads(raw.decode("utf-8")))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
            raise EngineError(f"{path} is not valid TOML: {e}; restore or rebuild it") from e
        except ValidationError as e:
            first = e.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"])) or "file"
            raise EngineError(f"{path}: {where}: {first['msg']}; restore or rebuild it") from e
        for name, expected in table.files.items():
            found = hashlib.sha256(_read(directory / name)).hexdigest()
            if found != expected:
                raise EngineError(
                    f"{directory / name} does not match engine.toml (sha256 {found[:12]}…, "
                    f"expected {expected[:12]}…): the file was changed or damaged; restore it "
                    "or rebuild the engine with `make engine-encoder`"
                )
        return cls(directory, table, hashlib.sha256(raw).hexdigest()[:12])

    @property
    def model_path(self) -> Path:
        """The ONNX graph."""
        return self.directory / MODEL_FILE

    @property
    def tokenizer_path(self) -> Path:
        """The tokenizer file."""
        return self.directory / TOKENIZER_FILE


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as e:
        raise EngineError(
            f"cannot read {path}: {e.strerror}; point --engine (TAGGER_ENGINE) at a complete "
            "engine directory, or reinstall"
        ) from e


def shipped_engine() -> Path:
    """The engine that came with the package: inside the wheel, or in the source tree."""
    package = Path(__file__).parent
    inside = package / "_engine"
    return inside if inside.is_dir() else package.parent / "engines" / "encoder" / "shipped"
