"""Flags from dataclasses: as `HfArgumentParser` reads them, and refused in one sentence."""

import argparse
import logging
import random
from dataclasses import MISSING, dataclass, field, fields, make_dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_type_hints

import pytest
from transformers import HfArgumentParser, TrainingArguments

from modeling_lstm.cli import main
from modeling_lstm.comparison.arguments import CompareArguments
from modeling_lstm.data.arguments import DataArguments, TokenizerArguments
from modeling_lstm.distillation.arguments import DistillationArguments
from modeling_lstm.evaluation.arguments import EvaluationArguments
from modeling_lstm.inference.arguments import ExportArguments, PredictionArguments
from modeling_lstm.publishing.arguments import CardArguments, PushArguments
from modeling_lstm.training.arguments import ModelArguments, TrainerSettings, read_trainer_names
from modeling_lstm.training.trainer_arguments import LstmTrainingArguments
from modeling_lstm.utils import flags
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.flags import FlagParser
from modeling_lstm.vectors.arguments import VectorTrainingArguments

KINDS: list[Any] = [
    *(DataArguments, TokenizerArguments, ModelArguments, LstmTrainingArguments, TrainingArguments),
    *(DistillationArguments, EvaluationArguments, PredictionArguments, ExportArguments, CardArguments, PushArguments),
    *(CompareArguments, VectorTrainingArguments),
]


class Speed(Enum):
    SLOW, FAST = "slow", "fast"


@dataclass
class Everything:
    """A field of each kind."""

    name: str
    size: int = 3
    rate: float = 0.5
    most_rows: int | None = None
    is_open: bool = False
    is_shut: bool = True
    is_known: bool | None = None
    kind: Literal["a", "b"] = "a"
    number: Literal[1, 2] | None = None
    speed: Speed | str = "slow"
    names: list[str] = field(default_factory=list)
    shares: list[float] | None = None
    extra: dict[str, Any] | None = None
    mixed: dict | str | None = None
    random_seed: int = 0


def read(*given: str) -> Everything:
    return FlagParser("train", Everything).read(["--name", "x", *given])[0]


def without_groups(kind: Any) -> Any:
    """The same fields without the groups of `--help`, of which `HfArgumentParser` knows nothing."""
    hints = get_type_hints(kind)
    found = []
    for one in fields(kind):
        default = {"default": one.default} if one.default is not MISSING else {}
        default |= {"default_factory": one.default_factory} if one.default_factory is not MISSING else {}
        metadata = {name: about for name, about in one.metadata.items() if name != "group"}
        found.append((one.name, hints[one.name], field(**default, init=one.init, metadata=metadata)))
    return make_dataclass(kind.__name__, found, kw_only=True)


def description(action: argparse.Action) -> dict[str, Any]:
    about = {name: getattr(action, name) for name in ("dest", "nargs", "const", "default", "required", "metavar")}
    choices = None if action.choices is None else list(action.choices)
    return about | {"kind": type(action).__name__, "choices": choices}


def value(action: argparse.Action, text: str) -> Any:
    """What a parser makes of a text, `None` if it refuses it."""
    try:
        return action.type(text) if callable(action.type) else text
    except (ValueError, TypeError, argparse.ArgumentTypeError):
        return None


@pytest.mark.parametrize("kind", [*KINDS, Everything], ids=lambda kind: kind.__name__)
def test_every_field_is_read_as_transformers_reads_it(kind: Any) -> None:
    """Same flags, defaults, choices and number of values, and the same value of each text that both take."""
    ours = {one.option_strings[0]: one for one in FlagParser("train", kind)._actions}
    theirs = {one.option_strings[0]: one for one in HfArgumentParser(without_groups(kind), add_help=False)._actions}
    assert ours.keys() == theirs.keys()
    texts = ["true", "No", "1", "0", "7", "-3", "0.5", "1e-4", "maybe", "", "a", "slow", "steps", "cosine"]
    for name, action in ours.items():
        assert description(action) == description(theirs[name]), name
        if name not in ("--extra", "--liger_kernel_config", "--parallelism_config"):  # theirs reads no JSON
            assert [value(action, one) for one in texts] == [value(theirs[name], one) for one in texts], name


def test_a_command_line_of_ours_is_read_as_transformers_reads_it() -> None:
    kinds = (ModelArguments, TokenizerArguments, DataArguments)
    choices = [
        *(
            ["--hidden_size", "7"],
            ["--hidden-size=9"],
            ["--bidirectional", "false"],
            ["--no_bidirectional"],
            ["--lowercase"],
        ),
        *(
            ["--no-lowercase"],
            ["--text_column", "a", "b"],
            ["--labels", "x"],
            ["--pooling", "max"],
            ["--test_share", "0.2"],
        ),
        *(["--class-weights", "balanced"], ["--embeddings", "-"], ["--max_length", "128"], ["--word_dropout", "1e-1"]),
    ]
    draw = random.Random(0)
    for _ in range(30):
        given = ["--dataset", "x", *(part for one in draw.sample(choices, 5) for part in one)]
        parser = HfArgumentParser(map(without_groups, kinds), allow_abbrev=False)
        theirs = tuple(
            kind(**vars(one)) for kind, one in zip(kinds, parser.parse_args_into_dataclasses(given), strict=True)
        )
        assert FlagParser("train", *kinds).read(given) == theirs, given


@pytest.mark.parametrize(
    ("given", "name", "expected"),
    [
        ("--is_open", "is_open", True),
        ("--is_open true", "is_open", True),
        ("--is-open=no", "is_open", False),
        ("", "is_shut", True),
        ("--no_is_shut", "is_shut", False),
        ("--no-is-shut", "is_shut", False),
        ("--is_shut false", "is_shut", False),
        ("", "is_known", None),
        ("--is_known false", "is_known", False),
        ("--number 2", "number", 2),
        ("--speed fast", "speed", "fast"),
        ("--most-rows 5", "most_rows", 5),
        ("--most_rows=-5", "most_rows", -5),
        ("--names a b --size 1", "names", ["a", "b"]),
        ("--shares 0.1 1", "shares", [0.1, 1.0]),
        ('--extra {"a":[1]}', "extra", {"a": [1]}),
        ('--mixed {"a":1}', "mixed", '{"a":1}'),
        ("--size 9223372036854775807", "size", 2**63 - 1),
        ("--random_seed 4294967295", "random_seed", 2**32 - 1),
    ],
)
def test_values(given: str, name: str, expected: Any) -> None:
    assert getattr(read(*given.split()), name) == expected


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--size x", "argument --size: invalid int value: 'x'"),
        ("--size 9223372036854775808", "invalid int value"),
        ("--size 1.5", "invalid int value: '1.5'"),
        ("--size ٣", "invalid int value: '٣'"),
        ("--rate ٣", "invalid float value: '٣'"),
        ("--rate nan", "argument --rate: invalid float value: 'nan'"),
        ("--rate inf", "invalid float value: 'inf'"),
        ("--shares 0.1 nan", "argument --shares: invalid float value: 'nan'"),
        ("--is_open maybe", "argument --is_open: must be true or false, found 'maybe'"),
        ("--is_known", "argument --is_known: expected one argument"),
        ("--kind c", "argument --kind: invalid choice: 'c'"),
        ("--speed medium", "argument --speed: invalid choice: 'medium'"),
        ("--extra [1]", "argument --extra: takes JSON, {...}; found '[1]'"),
        ("--extra {", "argument --extra: takes JSON"),
        ("--names", "argument --names: expected at least one argument"),
        ("--random_seed -1", "--random_seed must be from 0 to 4294967295, found -1."),
        ("--random_seed 4294967296", "--random_seed must be from 0 to"),
        ("--siz 3", "unknown flag --siz: did you mean --size?"),
        ("--is-opened", "unknown flag --is-opened: did you mean --is_open?"),
        ("--no_is_open", "unknown flag --no_is_open: did you mean"),
        ("-_-", "unknown flag -_-: before a text that begins with -, write -- (modeling-lstm"),
        ("--wholly_new=3", "unknown flag --wholly_new (modeling-lstm train --help lists the settings)"),
        ("--size 3 4", "unexpected '4' after --size"),
        ("--random_seed 3 --rate -1e-3 x", "unexpected 'x' after --rate"),
        ("--shares 0.1 --size 3 --shares 0.2", "--shares is given more than once: write all its values after one"),
        ('--extra {"a":1,"a":2}', 'takes JSON, {...}; found \'{"a":1,"a":2}\' (a is in it twice)'),
        ('--extra {"a":[NaN]}', "(NaN is not a finite number)"),
    ],
)
def test_refusals(given: str, message: str) -> None:
    with pytest.raises(InputError) as found:
        read(*given.split())
    assert message in str(found.value)
    assert "\n" not in str(found.value)


def test_flags_that_another_parser_reads_are_left_to_it() -> None:
    names = {"tf32", "local_rank", "gradient_checkpointing"}
    given = "--tf32 true --size 3 --local-rank -1 --no_gradient_checkpointing --names a b".split()
    FlagParser("train", Everything).check(given, names)
    for wrong, message in (
        ("--gradient-checkpointin", "unknown flag --gradient-checkpointin: did you mean --gradient_checkpointing?"),
        ("--siz=3", "unknown flag --siz: did you mean --size?"),
        ("--size=x", "argument --size: invalid int value: 'x'"),
    ):
        with pytest.raises(InputError) as found:
            FlagParser("train", Everything).check([*given, wrong], names)
        assert message in str(found.value)


def test_the_settings_of_the_trainer_are_read_from_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of them: a flag that is missed would be refused. Where it cannot be told, nothing is refused early."""
    names = read_trainer_names()
    assert names is not None and names >= {one.name for one in fields(TrainingArguments)}
    for text in ("class TrainingArguments(Base):\n    seed: int = 1\n", ""):
        monkeypatch.setattr(Path, "read_text", lambda *_, text=text, **__: f"\n{text}")
        assert read_trainer_names() is None


def test_a_required_flag_is_named() -> None:
    with pytest.raises(InputError, match="arguments are required: --name "):
        FlagParser("train", Everything).read([])


def test_a_text_that_looks_like_a_flag_stays_as_it_is() -> None:
    parser = FlagParser("predict", ExportArguments)
    parser.add_argument("texts", nargs="*")
    _, rest = parser.read(["--so-so at best", "--", "--precision-int8", "--a-b"])
    assert rest.texts == ["--so-so at best", "--precision-int8", "--a-b"]


def test_flags_may_stand_between_texts() -> None:
    parser = FlagParser("predict", ExportArguments)
    parser.add_argument("run")
    parser.add_argument("texts", nargs="*")
    for given in (
        "r --precision int8 a b",
        "r a --precision int8 b",
        "--precision=int8 r a b",
        "r a b --precision int8",
    ):
        arguments, rest = parser.read(given.split())
        assert (arguments.precision, rest.run, rest.texts) == ("int8", "r", ["a", "b"]), given
    with pytest.raises(InputError, match="arguments are required: run"):
        parser.read(["--precision", "int8"])


def test_what_a_class_refuses_is_one_sentence() -> None:
    @dataclass
    class Picky:
        size: int = 1

        def __post_init__(self) -> None:
            raise {1: InputError("as it is"), 2: KeyError("size"), 3: ZeroDivisionError("a fault")}[self.size]

    parser = FlagParser("train", Picky)
    with pytest.raises(InputError, match="^as it is$"):
        parser.read([])
    with pytest.raises(InputError, match="The settings cannot be used: 'size'"):
        parser.read(["--size", "2"])
    with pytest.raises(ZeroDivisionError):  # a fault of the program keeps its traceback
        parser.read(["--size", "3"])


def test_old_names_of_flags_work_and_say_what_to_type(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(flags.RENAMED, "train", {"old_size": "size", "old_open": "is_open"})
    with caplog.at_level(logging.WARNING):
        found = read("--old_size", "7", "--old-open=true")
    assert found.size == 7 and found.is_open
    assert caplog.messages == [
        "--old_size is now called --size: write --size.",
        "--old_open is now called --is_open: write --is_open.",
    ]
    with pytest.raises(InputError, match="unknown flag --old_size"):
        FlagParser("distill", Everything).read(["--name", "x", "--old_size", "7"])


def test_renamed_flags_are_settings_and_their_old_names_are_none() -> None:
    from modeling_lstm.cli.registry import make_parser

    assert flags.RENAMED
    for command, names in flags.RENAMED.items():
        known = make_parser(command)._option_string_actions
        for old, new in names.items():
            assert f"--{new}" in known and f"--{old}" not in known


def test_the_settings_that_help_lists_are_those_of_the_trainer() -> None:
    """Names, types and defaults; `TrainerSettings` stands apart only because it is light."""
    listed = {one.name: one for one in fields(TrainerSettings)}
    whole = {one.name: one for one in fields(LstmTrainingArguments)}
    library = {one.name: one for one in fields(TrainingArguments)}
    assert whole.keys() == library.keys() | listed.keys()
    own = listed.keys() - library.keys()
    assert own == {
        *("embedding_learning_rate", "average_epochs", "adversarial_size", "early_stopping_patience"),
        *("early_stopping_min_steps", "overwrite", "layer_decay", "frozen_epochs"),
    }
    for name, one in whole.items():
        assert one.default == (listed if name in listed else library)[name].default, name
        assert one.default_factory is MISSING or name not in listed
    # what a training does unless told otherwise, where transformers does something else
    changed = {name for name in listed.keys() & library.keys() if listed[name].default != library[name].default}
    assert changed == {
        *("output_dir", "learning_rate", "num_train_epochs", "per_device_train_batch_size", "weight_decay"),
        *("per_device_eval_batch_size", "warmup_steps", "lr_scheduler_type", "eval_strategy", "save_strategy"),
        *(
            "save_total_limit",
            "save_steps",
            "load_best_model_at_end",
            "metric_for_best_model",
            "train_sampling_strategy",
        ),
        *("logging_steps", "dataloader_pin_memory", "hub_strategy", "restore_callback_states_from_checkpoint"),
        "bf16",
    }


@pytest.mark.parametrize(("command", "is_told"), [("train", True), ("evaluate", False)])
def test_who_interrupts_a_training_is_told_how_to_go_on(
    command: str, is_told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("modeling_lstm.cli.run", interrupt)
    assert main([command, "runs/mine"]) == 130
    assert ("--resume_from_checkpoint last" in capsys.readouterr().err) == is_told


def test_a_file_that_may_not_be_read_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_: Any) -> int:
        raise PermissionError(13, "Permission denied", "runs/theirs/run.json")

    monkeypatch.setattr("modeling_lstm.cli.run", refuse)
    assert main(["evaluate", "runs/theirs"]) == 2
    told = capsys.readouterr().err
    assert "error: 'runs/theirs/run.json': permission denied. Choose files and folders that you may read" in told
