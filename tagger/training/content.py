"""The content file of generated exchanges: its tables, read with tomllib and validated."""

from __future__ import annotations

import tomllib
from string import Formatter
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from tagger.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tagger.labels import LabelSet

Lang = Literal["vi", "mix", "en"]
YesSlice = Literal[
    "answer_plain", "answer_terse", "answer_quiet", "answer_then_explains",
    "answer_then_asks", "answer_translation", "fact_volunteered",
]  # fmt: skip
FactSlice = Literal["wrong", "almost", "gave_up", "unconfirmed", "quiz_posed", "child_asks"]
SceneSlice = Literal[
    "opinion", "opinion_agreed", "personal", "idea", "effort", "achievement_report",
    "game_luck", "third_party", "repeat",
]  # fmt: skip
Slice = YesSlice | FactSlice | SceneSlice
Kind = Literal[
    "items", "spell", "add", "subtract", "multiply", "divide", "bigger", "smaller", "after",
    "before", "count",
]  # fmt: skip
LANGS: Final[tuple[Lang, ...]] = get_args(Lang)
YES_SLICES: Final[frozenset[str]] = frozenset(get_args(YesSlice))
SCENE_SLICES: Final[frozenset[str]] = frozenset(get_args(SceneSlice))
FACT_SLOTS: Final = frozenset({"x", "m", "n", "a", "c", "dots"})
REPLY_SLOTS: Final = frozenset({"q", "q2", "f", "e", "a", "c", "h"})


class Item(NamedTuple):
    """What is asked about, its right answer, and wrong ones where the group's will not do."""

    x: str
    a: str
    wrong: tuple[str, ...] = ()


def _item(text: Any) -> Any:
    """Read `cow=grass/meat,honey`."""
    if not isinstance(text, str):
        return text
    x, _, rest = text.partition("=")
    a, _, others = rest.partition("/")
    wrong = tuple(others.split(",")) if others else ()
    if not x.strip() or a in wrong:
        raise ValueError(
            f"{text!r} is no item; expected 'asked=right' or 'asked=right/wrong,wrong'"
        )
    return Item(x, a, wrong)


Phrases = Annotated[tuple[str, ...], Field(min_length=1)]
Groups = tuple[tuple[Annotated[Item, BeforeValidator(_item)], ...], ...]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Family(_Table):
    """One kind of question in one language; without items it asks about `vocabulary`."""

    kind: Kind = "items"
    translation: bool = False
    turn: bool = False
    weight: float = Field(1.0, gt=0)
    ask: Phrases
    say: Phrases
    wonder: Phrases
    explain: Phrases
    items: Groups = ()

    @model_validator(mode="after")
    def _answerable(self) -> Family:
        for group in self.items:
            for item in group:
                if self.kind == "spell" and len(item.x) > 1:
                    continue
                if not item.a or not (
                    item.wrong or {i.a for i in group if i.x != item.x} - {item.a}
                ):
                    raise ValueError(f"item {item.x!r} has no right or no wrong answer")
        return self


class Scene(_Table):
    """What the child tells, with `x` slotted in, and what Pika may have asked before."""

    ask: Phrases
    child: Phrases
    x: Phrases


class Speech(_Table):
    """The child's fillers and set phrases."""

    before: Phrases
    after: Phrases
    after_answer: Phrases
    terse: Phrases
    tell: Phrases
    give_up: Phrases
    quiz: Phrases
    play: Phrases
    invite: Phrases


class Language(_Table):
    """Pronouns and particles (one voice an exchange), word lists and the child's speech."""

    voices: tuple[dict[str, str], ...] = Field(min_length=1)
    words: dict[str, Phrases]
    speech: Speech


class Content(_Table):
    """A whole content file."""

    vocabulary: Groups = Field(min_length=1)
    languages: dict[Lang, Language]
    families: dict[str, dict[Lang, Family]]
    scenes: dict[SceneSlice, dict[Lang, Scene]]
    replies: dict[Slice, dict[Lang, dict[str, Phrases]]]
    weights: dict[Lang, dict[Slice, float]] = Field(default_factory=dict)

    def scene(self, slice_: Slice, lang: Lang) -> Scene | None:
        """What the child tells in a slice; None for slices about facts."""
        return next((s[lang] for name, s in self.scenes.items() if name == slice_), None)

    @model_validator(mode="after")
    def _slots_known(self) -> Content:
        for lang in LANGS:
            if lang not in self.languages or not any(lang in f for f in self.families.values()):
                raise ValueError(f"languages and families must both have {lang!r}")
        for where, phrases, allowed in self._templates():
            for phrase in phrases:
                unknown = {name for _, name, _, _ in Formatter().parse(phrase) if name} - allowed
                if unknown:
                    raise ValueError(f"{where}: unknown slot {sorted(unknown)} in {phrase!r}")
        return self

    @model_validator(mode="after")
    def _every_slice_has_facts(self) -> Content:
        for lang in LANGS:
            kinds = {f[lang].translation for f in self.families.values() if lang in f}
            slices = {name for name, replies in self.replies.items() if lang in replies}
            if not (slices & YES_SLICES and slices - YES_SLICES):
                raise ValueError(f"replies: {lang!r} needs a slice of each celebrate label")
            for name in slices & YES_SLICES:
                if (name == "answer_translation") not in kinds:
                    raise ValueError(f"replies.{name}.{lang} has no family to ask from")
        return self

    def _templates(self) -> Iterator[tuple[str, Iterable[str], set[str]]]:
        """Every list of templates with its place in the file and the slots it may use."""
        talk = {k: {*v.voices[0], *v.words} for k, v in self.languages.items()}
        for lang, language in self.languages.items():
            if any(v.keys() != language.voices[0].keys() for v in language.voices):
                raise ValueError(f"languages.{lang}.voices: every voice needs the same keys")
            for name, words in language.words.items():
                yield f"languages.{lang}.words.{name}", words, set(language.voices[0])
            for name, said in language.speech:
                yield f"languages.{lang}.speech.{name}", said, {*talk[lang], "c"}
        for name, family in self.families.items():
            for lang, f in family.items():
                texts = (*f.ask, *f.say, *f.wonder, *f.explain)
                yield f"families.{name}.{lang}", texts, {*talk[lang], *FACT_SLOTS}
        for name, scenes in self.scenes.items():
            for lang, s in scenes.items():
                yield f"scenes.{name}.{lang}", (*s.ask, *s.child), {*talk[lang], "x"}
                yield f"scenes.{name}.{lang}.x", s.x, talk[lang]
        for name, replies in self.replies.items():
            for lang, by_label in replies.items():
                if name in SCENE_SLICES and not any(
                    lang in scenes for scene, scenes in self.scenes.items() if scene == name
                ):
                    raise ValueError(f"replies.{name}.{lang} has no scenes.{name}.{lang}")
                slots = {"x"} if name in SCENE_SLICES else REPLY_SLOTS
                for label, phrases in by_label.items():
                    yield f"replies.{name}.{lang}.{label}", phrases, {*talk[lang], *slots}


def load_content(path: Path, labels: LabelSet) -> Content:
    """Read and check a content file; raises DataError naming what is wrong."""
    try:
        content = Content.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as e:
        raise DataError(f"cannot read {path}: {e}") from e
    except tomllib.TOMLDecodeError as e:
        raise DataError(f"{path} is not TOML: {e}") from e
    except ValidationError as e:
        first = e.errors(include_url=False)[0]
        raise DataError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from e
    for name, replies in content.replies.items():
        for lang, by_label in replies.items():
            unknown = {e for label in by_label for e in label.split("-")} - set(labels.names)
            if unknown:
                raise DataError(
                    f"{path}: replies.{name}.{lang} names {', '.join(sorted(unknown))}; "
                    f"expected emotions of the label set: {', '.join(labels.names)}"
                )
    return content
