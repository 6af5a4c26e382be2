"""The README's code blocks, run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_python_blocks_run(server):
    found = blocks("python")
    assert len(found) >= 2
    for code in found:
        code = code.replace("127.0.0.1:50051", server.target).replace("=50)", "=5000)")
        result = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60
        )
        assert result.returncode == 0, result.stderr
        assert "full" in result.stdout or "Outcome.FULL" in result.stdout


def test_the_tag_command_gives_the_answer_shown():
    command = next(b for b in blocks("sh") if "tagger tag" in b)
    command = command.replace(".venv/bin/tagger", f"{sys.executable} -m tagger.cli")
    result = subprocess.run(
        command, shell=True, capture_output=True, text=True, timeout=60, cwd=ROOT, check=True
    )
    answer, shown = json.loads(result.stdout), json.loads(blocks("json")[0])
    assert answer.keys() == shown.keys()
    for key in ("emotion", "celebrate", "backend"):
        assert answer[key] == shown[key]


def test_the_figures_shown_are_those_of_the_report():
    report = (ROOT / "engines/encoder/REPORT.md").read_text(encoding="utf-8")
    figures = re.findall(
        r"^\| (?:strict|lenient|macro-F1|cel F1) \| ([\d.]+)", report, re.MULTILINE
    )
    assert len(figures) == 4
    shown = next(line for line in README.splitlines() if line.startswith("| emotion right"))
    shown += next(line for line in README.splitlines() if line.startswith("| celebrate F1"))
    for figure in figures:
        assert figure in shown


def test_every_make_target_shown_exists():
    targets = re.findall(r"make ([a-z-]+)", README)
    assert {"run", "test", "check", "bench", "engine-encoder", "eval"} <= set(targets)
    for target in targets:
        subprocess.run(["make", "-n", target], cwd=ROOT, check=True, capture_output=True)


def test_every_link_leads_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "engines").glob("*/*.md")]
    for page in pages:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
