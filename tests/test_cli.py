"""The command as a person runs it, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tagger.cli import main

ELEPHANT = [
    "--child",
    "Dạ, con voi ăn cỏ ạ",
    "--pika",
    "Đúng rồi, con giỏi lắm! Voi là loài động vật ăn thực vật.",
]
LABELLED = [
    {"child_utterance": "bốn", "pika_reply": "Chính xác!", "emotion": "proud", "celebrate": "yes"},
    {"child_utterance": "x", "pika_reply": "Chào cậu!", "emotion": None, "also": ["happy"]},
]


def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tagger.cli", *args],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | env,
    )


def test_tag_prints_one_json_object(capsys):
    assert main(["tag", *ELEPHANT, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["celebrate"] is True
    assert {
        "emotion",
        "celebrate",
        "emotion_confidence",
        "celebrate_probability",
        "backend",
        "engine_version",
        "timings",
    } <= set(answer)


def test_tag_through_a_server_gives_the_same_labels(server, capsys):
    assert main(["tag", *ELEPHANT, "--json", "--scores"]) == 0
    here = json.loads(capsys.readouterr().out)
    arguments = ["--target", server.target, "--deadline-ms", "5000", "--json", "--scores"]
    assert main(["tag", *ELEPHANT, *arguments]) == 0
    there = json.loads(capsys.readouterr().out)
    for key in ("emotion", "celebrate", "emotion_scores", "engine_version"):
        assert there[key] == here[key]


def test_tag_prints_a_line_for_people_and_reads_the_turn_before(capsys):
    assert main(["tag", "--child", "bốn", "--pika", "Đúng!", "--before", "2+2?"]) == 0
    assert "celebrat" in capsys.readouterr().out


def test_eval_prints_the_documented_object(tmp_path, capsys):
    file = tmp_path / "test.jsonl"
    file.write_text("\n".join(json.dumps(x) for x in LABELLED))
    assert main(["eval", str(file), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert set(result) == {"overall", "by_lang", "by_slice"}
    assert result["overall"]["n"] == 2
    assert main(["eval", str(file)]) == 0
    assert "macro-F1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tag", "--child", "x", "--pika", " "], "pika_reply is empty"),
        (["tag", "--child", "x", "--pika", "y", "--engine", "/nowhere"], "cannot read /nowhere"),
        (["tag", "--child", "x", "--pika", "y", "--backend", "magic"], "unknown backend 'magic'"),
        (["tag", "--child", "x", "--pika", "y", "--provider", "Magic"], "provider 'Magic' is not"),
        (["tag", "--child", "x", "--pika", "y", "--threads", "none"], "flag --threads"),
        (["tag", "--child", "x", "--pika", "y", "--config", "/nowhere"], "config file /nowhere"),
        (["eval", "/nowhere.jsonl"], "cannot read /nowhere.jsonl"),
        (["serve", "--port", "99999"], "flag --port"),
        (["tag", "--child", "x", "--pika", "y", "--backend", "os:path"], "backend 'os:path'"),
        (["tag", "--child", "x", "--pika", "y", "--backend", "..x:y"], "backend '..x:y'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(capsys, arguments, message):
    assert main(arguments) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.startswith("tagger: ")
    assert len(err.splitlines()) == 1


def test_an_unreachable_server_is_one_line_and_exit_code_1(capsys):
    assert main(["tag", "--child", "x", "--pika", "y", "--target", "127.0.0.1:1"]) == 1
    assert capsys.readouterr().err.startswith("tagger: 127.0.0.1:1: UNAVAILABLE")


def test_broken_data_names_file_and_line(tmp_path, capsys):
    file = tmp_path / "bad.jsonl"
    for content, message in [
        ("{", "bad.jsonl:1: not JSON"),
        ('{"child_utterance": "x"}', "bad.jsonl:1: pika_reply: Field required"),
        ('\n{"child_utterance": "x", "pika_reply": ""}', "bad.jsonl:2: pika_reply is empty"),
        ("", "holds no exchange"),
    ]:
        file.write_text(content)
        assert main(["eval", str(file)]) == 2
        assert message in capsys.readouterr().err


def test_every_command_explains_itself(capsys):
    for arguments in (
        ["--help"],
        *([c, "--help"] for c in ("serve", "tag", "eval", "distill", "train")),
    ):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
        assert "usage: tagger" in capsys.readouterr().out


def test_serve_from_any_directory_drains_on_sigterm_and_exits_0(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "tagger.cli", "serve", "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
    )
    events = {}
    while "serving" not in events:
        line = json.loads(process.stderr.readline())
        events[line["event"]] = line
    assert events["settings"]["backend"] == "encoder"
    result = run(
        "tag", *ELEPHANT, "--target", events["serving"]["address"], "--deadline-ms", "5000"
    )
    assert result.returncode == 0, result.stderr
    process.send_signal(signal.SIGTERM)
    began = time.perf_counter()
    assert process.wait(10) == 0
    assert time.perf_counter() - began < 5
    assert "stopped" in process.stderr.read()
    process.stderr.close()


def test_a_port_in_use_is_one_line(server):
    result = run("serve", "--port", server.target.rpartition(":")[2])
    assert result.returncode == 2
    settings, message = result.stderr.splitlines()
    assert json.loads(settings)["event"] == "settings"
    assert message.startswith("tagger: cannot listen on")


@pytest.mark.parametrize("value", ["nan", "inf", "0", "-5", "soon"])
def test_an_impossible_deadline_is_refused(value, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["tag", "--child", "x", "--pika", "y", "--target", "x", "--deadline-ms", value])
    assert caught.value.code == 2
    assert "--deadline-ms" in capsys.readouterr().err


def test_line_separators_inside_a_text_do_not_break_a_file(tmp_path, capsys):
    file = tmp_path / "odd.jsonl"
    row = LABELLED[0] | {"child_utterance": "a\u2028b\x85c"}
    file.write_text(json.dumps(row, ensure_ascii=False) + "\n")
    assert main(["eval", str(file), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["n"] == 1


def test_an_unknown_environment_setting_is_refused():
    result = run("serve", TAGGER_PROT="1")
    assert result.returncode == 2
    assert "unknown setting 'TAGGER_PROT'" in result.stderr
