"""One JSON object a line on standard error; never a word of child or robot.

Callers pass fields through `extra={"fields": {...}}`; only numbers, labels and ids belong
there. Exceptions are logged by type and place, never by message, since a message may quote
its input.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final

logger: Final = logging.getLogger("tagger")


class JsonFormatter(logging.Formatter):
    """Formats a record as one JSON object: time, level, event, then the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line without a line break inside."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        if record.name == logger.name:
            line |= {"event": record.getMessage()} | getattr(record, "fields", {})
        else:
            # another library's message may quote what it was given
            error = record.exc_info[1] if record.exc_info else None
            line |= {"event": "library", "logger": record.name}
            if error is not None:
                line |= {"error": type(error).__name__, "where": place(error)}
        return json.dumps(line, ensure_ascii=True, separators=(",", ":"))


def configure(level: str) -> None:
    """Send every log to standard error as JSON, other libraries' from warnings up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logger.setLevel(level.upper())


def event(level: int, name: str, **fields: object) -> None:
    """Log one event with its fields."""
    if logger.isEnabledFor(level):
        logger.log(level, name, extra={"fields": fields})


def place(error: BaseException) -> str:
    """Where an exception was raised, as file:line; without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "unknown"
