import pytest

from tagger.engine import Engine, shipped_engine
from tagger.errors import EngineError

MAX_ENGINE_MB = 16


def test_the_shipped_engine_is_whole_and_small():
    engine = Engine.load(shipped_engine())
    assert len(engine.table.labels.emotions) == 13
    size = sum((engine.directory / f).stat().st_size for f in engine.table.files)
    assert size < MAX_ENGINE_MB * 2**20


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_changed_file_is_refused_by_name(engine_copy, name):
    file = engine_copy / name
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    with pytest.raises(EngineError, match=rf"{name} does not match engine\.toml"):
        Engine.load(engine_copy)


@pytest.mark.parametrize("name", ["engine.toml", "model.onnx", "tokenizer.json"])
def test_a_missing_file_is_refused_by_name(engine_copy, name):
    (engine_copy / name).unlink()
    with pytest.raises(EngineError, match=f"cannot read .*{name}: No such file"):
        Engine.load(engine_copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("format = 1", "format = 2", "format is 2; this version reads 1"),
        ("format = 1", "format = ", "not valid TOML"),
        ("celebrate_threshold = 0", "celebrate_threshold = 7", "less than or equal to 1"),
        ('safe_default = "neutral"', 'safe_default = "bored"', "safe_default is 'bored'"),
        ('name = "happy"', 'name = "neutral"', "named more than once: neutral"),
        ('name = "happy"', 'nom = "happy"', "emotions"),
        ('"tokenizer.json" = ', '"other.json" = ', "lacks tokenizer.json"),
    ],
)
def test_a_wrong_engine_table_says_what_is_wrong(engine_copy, old, new, message):
    path = engine_copy / "engine.toml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(EngineError, match=message):
        Engine.load(engine_copy)


def test_any_change_changes_the_version(engine_copy):
    before = Engine.load(engine_copy).version
    path = engine_copy / "engine.toml"
    path.write_text(path.read_text() + "# a remark\n")
    assert Engine.load(engine_copy).version != before
