"""Typed settings: defaults < config file < `TAGGER_*` environment < flags.

settings = load_settings(file=Path("tagger.toml"), port=50052)
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from tagger.errors import ConfigError

ENV_PREFIX: Final = "TAGGER_"
CONFIG_ENV: Final = "TAGGER_CONFIG"
"""Names the config file when the flag is absent; the one variable that is no setting."""


class Settings(BaseSettings):
    """Everything that can be set; each field is also a flag and a `TAGGER_*` variable."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    host: str = Field("127.0.0.1", min_length=1, description="address to listen on")
    port: int = Field(50051, ge=0, le=65535, description="port to listen on; 0 picks a free one")
    backend: str = Field("encoder", description="backend name, or module:Class")
    engine: Path | None = Field(None, description="engine directory; default: the shipped one")
    provider: str = Field(
        "CPUExecutionProvider", description="ONNX Runtime execution provider of the encoder"
    )
    threads: int = Field(1, ge=1, le=64, description="threads the encoder computes with")
    budget_ms: float = Field(50.0, gt=0, description="promised p99 of a call, told by GetInfo")
    max_queue: int = Field(64, ge=1, description="calls that may wait; more are refused at once")
    drain_seconds: float = Field(
        5.0, ge=0, le=300, description="time that calls in progress get when the server stops"
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severe log line written; request lines are info"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment; the file is merged under both by `load_settings`."""
        return init_settings, env_settings


def load_settings(file: Path | None = None, **flags: Any) -> Settings:
    """Merge the four sources; a flag of None counts as not given.

    Args:
        file: a TOML file whose keys are setting names; default: `TAGGER_CONFIG`, else none.
        flags: settings given on the command line.

    Raises:
        ConfigError: names the key that is unknown or wrong, what was found, and its source.
    """
    if file is None and CONFIG_ENV in os.environ:
        file = Path(os.environ[CONFIG_ENV])
    from_file = _read_file(file) if file else {}
    _refuse_unknown(from_file, str(file))
    # pydantic-settings reads names in any case, so every case must be checked
    from_env = {
        name.upper().removeprefix(ENV_PREFIX).lower(): name
        for name in os.environ
        if name.upper().startswith(ENV_PREFIX) and name != CONFIG_ENV
    }
    _refuse_unknown(from_env, "the environment", shown=from_env)
    given = {k: v for k, v in flags.items() if v is not None}
    below = {k: v for k, v in from_file.items() if k not in from_env}
    try:
        return Settings(**(below | given))
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        key = str(first["loc"][0])
        source = (
            f"flag --{key.replace('_', '-')}"
            if key in given
            else from_env[key]
            if key in from_env
            else str(file)
        )
        raise ConfigError(f"{source}: {first['msg']} (found {first['input']!r})") from e


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as e:
        raise ConfigError(f"cannot read the config file {file}: {e.strerror}") from e
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as e:
        raise ConfigError(f"the config file {file} is not TOML: {e}") from e


def _refuse_unknown(
    found: dict[str, Any], source: str, shown: dict[str, str] | None = None
) -> None:
    unknown = sorted(found.keys() - Settings.model_fields.keys())
    if unknown:
        name = shown[unknown[0]] if shown else unknown[0]
        raise ConfigError(
            f"unknown setting {name!r} in {source}; expected one of "
            f"{', '.join(sorted(Settings.model_fields))}"
        )
