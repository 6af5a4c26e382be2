import pytest

from tagger.config import load_settings
from tagger.errors import ConfigError


def test_flags_beat_environment_beats_file_beats_defaults(tmp_path, monkeypatch):
    file = tmp_path / "tagger.toml"
    file.write_text("port = 1\nthreads = 2\nmax_queue = 3\n")
    monkeypatch.setenv("TAGGER_THREADS", "4")
    monkeypatch.setenv("TAGGER_MAX_QUEUE", "5")
    settings = load_settings(file, max_queue=6)
    assert (settings.port, settings.threads, settings.max_queue) == (1, 4, 6)
    assert settings.host == "127.0.0.1"


def test_the_file_can_be_named_by_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "tagger.toml"
    file.write_text("port = 7\n")
    monkeypatch.setenv("TAGGER_CONFIG", str(file))
    assert load_settings().port == 7


def test_a_flag_of_none_counts_as_not_given():
    assert load_settings(port=None).port == 50051


def test_unknown_keys_are_refused_wherever_they_stand(tmp_path, monkeypatch):
    file = tmp_path / "tagger.toml"
    file.write_text("prot = 1\n")
    with pytest.raises(ConfigError, match=r"unknown setting 'prot' in .*tagger\.toml; expected"):
        load_settings(file)
    monkeypatch.setenv("TAGGER_PROT", "1")
    with pytest.raises(ConfigError, match="unknown setting 'TAGGER_PROT' in the environment"):
        load_settings()


@pytest.mark.parametrize("value", ["70000", "-1", "many"])
def test_a_wrong_value_names_its_source(monkeypatch, value):
    monkeypatch.setenv("TAGGER_PORT", value)
    with pytest.raises(ConfigError, match=r"TAGGER_PORT: .*found"):
        load_settings()
    with pytest.raises(ConfigError, match="flag --threads"):
        load_settings(port=1, threads="x")


def test_a_missing_or_broken_file_is_one_line(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the config file"):
        load_settings(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("port = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_settings(broken)
