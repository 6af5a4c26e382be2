"""The command line: serve | tag | eval | distill | train.

Exit codes: 0 done; 1 the answer could not be had; 2 wrong usage, setting, engine or data.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

# gRPC's own lines on standard error say in three what ours say in one
os.environ.setdefault("GRPC_VERBOSITY", "NONE")

import grpc

from tagger import logs
from tagger.client import DEFAULT_DEADLINE_MS, TaggerClient
from tagger.config import ENV_PREFIX, Settings, load_settings
from tagger.errors import (
    ConfigError,
    DataError,
    EngineError,
    InvalidExchange,
    TaggerError,
)
from tagger.evaluation.distill import distill
from tagger.evaluation.metrics import evaluate
from tagger.evaluation.predict import predict_local, predict_remote
from tagger.evaluation.table import as_text
from tagger.records import read_jsonl
from tagger.server import serve
from tagger.tagger import Tagger
from tagger.types import Exchange, Tag, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_DEADLINE_MS = 3_600_000.0
USAGE_ERRORS = (ConfigError, DataError, EngineError, InvalidExchange)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; errors end as one line on standard error."""
    args = _parser().parse_args(argv)
    try:
        code: int = args.run(args)
        return code
    except USAGE_ERRORS as e:
        return _fail(str(e), 2)
    except TaggerError as e:
        return _fail(str(e), 1)
    except grpc.RpcError as e:
        return _fail(f"{args.target}: {e.code().name}: {e.details()}", 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # whoever reads has had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as e:
        # a full disk, a folder that may not be written
        return _fail(f"{e.strerror or type(e).__name__}: {e.filename or 'while writing'}", 1)
    except Exception as e:
        return _fail(f"this is a bug: {type(e).__name__} at {logs.place(e)}; please report it", 1)


def _fail(message: str, code: int) -> int:
    print(f"tagger: {message}", file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tagger",
        allow_abbrev=False,
        description="Emotion and celebration for what a robot is about to say to a child.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    p = _command(commands, "serve", _serve, "serve over gRPC until SIGTERM")
    _add_settings(p)

    p = _command(commands, "tag", _tag, "tag one exchange")
    p.add_argument("--child", required=True, metavar="TEXT", help="what the child said last")
    p.add_argument("--pika", required=True, metavar="TEXT", help="what Pika is about to say")
    p.add_argument("--before", metavar="TEXT", help="what Pika said just before the child spoke")
    p.add_argument("--scores", action="store_true", help="include every emotion's probability")
    p.add_argument(
        "--deadline-ms",
        type=_milliseconds,
        default=DEFAULT_DEADLINE_MS,
        help="with --target, for connecting and for the call; default 50",
    )
    _add_json(p)
    _add_target(p)
    _add_settings(p)

    p = _command(commands, "eval", _eval, "score a file of labelled exchanges")
    p.add_argument("file", type=Path, metavar="FILE.jsonl", help="one labelled exchange a line")
    _add_json(p)
    _add_target(p)
    _add_settings(p)

    p = _command(commands, "distill", _distill, "label a pool with a backend's probabilities")
    p.add_argument("pool", type=Path, metavar="POOL.jsonl", help="exchanges; labels not needed")
    p.add_argument("--teacher", metavar="BACKEND", help="the backend that labels; or --backend")
    p.add_argument("--out", type=Path, required=True, metavar="FILE.jsonl", help="for training")
    _add_settings(p)

    p = _command(commands, "train", _train, "build an encoder engine (needs the train extra)")
    p.add_argument("--data", type=Path, required=True, metavar="DIR", help="*.jsonl, splits.toml")
    p.add_argument("--labels", type=Path, metavar="FILE", help="default: DIR/../labels.toml")
    p.add_argument("--recipe", type=Path, metavar="FILE", help="default: DIR/../recipe.toml")
    p.add_argument("--out", type=Path, required=True, metavar="DIR", help="the engine directory")
    p.add_argument(
        "--work", type=Path, metavar="DIR", help="checkpoints for resuming; default: OUT.work"
    )
    p.add_argument(
        "--backbone",
        metavar="NAME_OR_DIR",
        help="fine-tune this pretrained encoder with its own tokenizer instead of the recipe's",
    )
    p.add_argument("--report", type=Path, metavar="FILE", help="write a report as Markdown")
    return parser


def _command(commands: Any, name: str, run: Any, text: str) -> argparse.ArgumentParser:
    p: argparse.ArgumentParser = commands.add_parser(
        name, help=text, description=text, allow_abbrev=False
    )
    p.set_defaults(run=run, target=None)
    return p


def _add_json(p: argparse.ArgumentParser) -> None:
    p.add_argument("--json", action="store_true", help="print one JSON object")


def _add_target(p: argparse.ArgumentParser) -> None:
    p.add_argument("--target", metavar="HOST:PORT", help="ask a running server")


def _add_settings(p: argparse.ArgumentParser) -> None:
    group = p.add_argument_group(
        "settings", f"defaults < --config file < {ENV_PREFIX}* environment < these flags"
    )
    group.add_argument("--config", type=Path, metavar="FILE", help="TOML file of settings")
    for name, field in Settings.model_fields.items():
        group.add_argument(
            f"--{name.replace('_', '-')}",
            dest=f"setting_{name}",
            metavar="VALUE",
            help=f"{field.description} [{ENV_PREFIX}{name.upper()}; {field.default}]",
            default=argparse.SUPPRESS,
        )


def _settings(args: argparse.Namespace) -> Settings:
    prefix = "setting_"
    flags = {k.removeprefix(prefix): v for k, v in vars(args).items() if k.startswith(prefix)}
    return load_settings(args.config, **flags)


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= MAX_DEADLINE_MS:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no deadline; expected more than 0 and at most {MAX_DEADLINE_MS:.0f} ms"
        )
    return value


def _serve(args: argparse.Namespace) -> int:
    asyncio.run(serve(_settings(args)))
    return 0


def _tag(args: argparse.Namespace) -> int:
    history = (Turn("pika", args.before),) if args.before else ()
    exchange = Exchange(args.child, args.pika, history)
    if args.target is not None:
        with TaggerClient(args.target, args.deadline_ms) as client:
            client.wait_ready(args.deadline_ms / 1e3)
            tag = client.tag(exchange, include_scores=args.scores)
    else:
        tag = asyncio.run(_tag_here(_settings(args), exchange, args.scores))
    print(json.dumps(_as_dict(tag), ensure_ascii=False) if args.json else _as_line(tag))
    return 0


async def _tag_here(settings: Settings, exchange: Exchange, include_scores: bool) -> Tag:
    async with Tagger(settings) as tagger:
        return await tagger.tag(exchange, include_scores=include_scores)


def _as_dict(tag: Tag) -> dict[str, Any]:
    t = tag.timings
    out: dict[str, Any] = {
        "emotion": tag.emotion,
        "celebrate": tag.celebrate,
        "emotion_confidence": round(tag.emotion_confidence, 4),
        "celebrate_probability": round(tag.celebrate_probability, 4),
        "outcome": tag.outcome.value,
        "reason": tag.reason,
        "backend": tag.backend,
        "engine_version": tag.engine_version,
        "timings": {
            "queue_ms": round(t.queue_ms, 3),
            "tokenize_ms": round(t.tokenize_ms, 3),
            "infer_ms": round(t.infer_ms, 3),
            "total_ms": round(t.total_ms, 3),
        },
    }
    if tag.emotion_scores:
        out["emotion_scores"] = {k: round(v, 4) for k, v in tag.emotion_scores.items()}
    return out


def _as_line(tag: Tag) -> str:
    return (
        f"{tag.emotion} ({tag.emotion_confidence:.2f}), "
        f"{'celebrate' if tag.celebrate else 'no celebration'} "
        f"({tag.celebrate_probability:.2f}), {tag.timings.total_ms:.1f} ms"
        + (f", {tag.outcome.value}: {tag.reason}" if tag.reason else "")
    )


def _eval(args: argparse.Namespace) -> int:
    records = read_jsonl(args.file)
    exchanges = [r.exchange() for r in records]
    predictions = (
        predict_remote(args.target, exchanges)
        if args.target is not None
        else predict_local(_settings(args), exchanges)
    )
    evaluation = evaluate(records, predictions)
    print(json.dumps(evaluation) if args.json else as_text(evaluation))
    return 0


def _distill(args: argparse.Namespace) -> int:
    if args.teacher is not None:
        args.setting_backend = args.teacher
    labelled = distill(_settings(args), read_jsonl(args.pool), args.out)
    print(f"labelled {labelled} exchanges into {args.out}")
    return 0


def _train(args: argparse.Namespace) -> int:
    try:
        from tagger.training.build import build
    except ModuleNotFoundError as e:
        raise ConfigError(
            f"training needs {e.name}, which is not installed: `make setup-training`, "
            "or pip install 'pika-tagger[train]'"
        ) from e
    build(
        data=args.data,
        labels=args.labels or args.data.parent / "labels.toml",
        recipe=args.recipe or args.data.parent / "recipe.toml",
        out=args.out,
        work=args.work or args.out.with_name(args.out.name + ".work"),
        backbone=args.backbone,
        report=args.report,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
