"""`--help`: imports nothing large, and lists settings in groups, what most people need first, with their defaults."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from modeling_lstm.cli import main
from modeling_lstm.cli.parsing import GROUPS
from modeling_lstm.cli.registry import ALL, COMMANDS, VECTORS_COMMANDS, make_parser

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "transformers", "datasets", "numpy", "pandas", "pyarrow", "huggingface_hub", "sklearn", "matplotlib")
NAMES = [name for name in ALL if name != "vectors"]


def imported_by(program: str) -> set[str]:
    """The large packages that a program imports, in a process of its own."""
    program += f"\nimport sys\nprint('imported:', *(name for name in {HEAVY} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


def shown(capsys: pytest.CaptureFixture[str], *given: str) -> str:
    with contextlib.suppress(SystemExit):
        main([*given])
    return capsys.readouterr().out


def test_help_imports_nothing_large() -> None:
    program = f"""
import contextlib, io
from modeling_lstm.cli import main
for words in [["--help"], ["--version"], ["vectors"], *(name.split() + ["--help"] for name in {NAMES})]:
    out = io.StringIO()
    with contextlib.suppress(SystemExit), contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        main(words)
    assert out.getvalue(), words
"""
    assert imported_by(program) == set()


@pytest.mark.parametrize("name", sorted(path.parent.name for path in (ROOT / "modeling_lstm").glob("*/arguments.py")))
def test_settings_are_light_to_import(name: str) -> None:
    assert imported_by(f"import modeling_lstm.{name}.arguments") == set()


def test_a_mistake_in_the_flags_is_told_before_anything_large_is_imported(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text("dataset: x\nhiden_size: 3\n", encoding="utf-8")
    commands = [
        ["train", "--tf32", "true", "--hiden_size", "3"],
        ["train", "--gradient_checkpointin"],
        ["train", str(recipe)],
        ["distill", "--dataset", "x", "--hidden_size", "x"],
        ["evaluate"],
        ["predict", "--inputs", "x"],
        ["compare"],
        ["vectors", "train", "--size", "x"],
        ["push", "a"],
    ]
    program = f"from modeling_lstm.cli import main\nassert {{main(one) for one in {commands}}} == {{2}}"
    assert imported_by(program) == set()


@pytest.mark.parametrize("name", NAMES)
def test_help_is_in_groups_and_tells_defaults(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = shown(capsys, *name.split(), "--help")
    assert text.startswith(f"usage: modeling-lstm {name} ")
    assert "%" not in text.replace("95% ", "") and "None" not in text and "True" not in text
    groups = re.findall(r"^(\S.*):$", text, re.MULTILINE)
    assert groups == [group for group in GROUPS if group in groups], "in this order, each once"
    flags = re.split(r"\n  (?=--)", text.partition("\nHelp:")[0])[1:]
    for flag in flags:
        about = re.sub(r"\s+", " ", flag)
        assert re.search(r"\(default: \S|Default: |\(required\)", about), about
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.parametrize("name", ["train", "distill"])
def test_help_lists_what_most_people_need_and_help_all_the_rest(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    from modeling_lstm.training.trainer_arguments import LstmTrainingArguments

    some, everything = (
        set(re.findall(r"^  (--\w+)", shown(capsys, name, flag), re.MULTILINE)) for flag in ("--help", "--help-all")
    )
    assert {"--hidden_size", "--dataset", "--seed", "--bf16", "--max_steps", "--average_epochs"} <= some < everything
    assert {f"--{one.name}" for one in fields(LstmTrainingArguments)} <= everything
    assert not some & {"--fsdp", "--tf32", "--ddp_backend", "--no_bidirectional"}
    assert ("--teacher" in some) == (name == "distill")


def test_the_defaults_of_a_student_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = {name: shown(capsys, name, "--help").splitlines() for name in ("train", "distill")}
    dropout = {name: [one for one in some if "--word_dropout" in one] for name, some in lines.items()}
    average = {name: " ".join(some).partition("--average_epochs")[2][:400] for name, some in lines.items()}
    assert dropout["train"] and dropout["train"] == dropout["distill"]  # the flag itself
    assert "(default: 0.0)" in average["train"] and "(default: 0.5)" in average["distill"]


@pytest.mark.parametrize(
    ("name", "share"), [("train", "(default: none)"), ("search", "(default: none)"), ("compare", "Default: 0.2.")]
)
def test_help_of_the_splits_holds_for_each_command(name: str, share: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\s+", " ", shown(capsys, name, "--help"))
    assert f"if there is no test split. {share}" in text and "independent of the training seed" in text
    assert "what distill draws" not in text


@pytest.mark.parametrize(
    ("name", "flag", "given"),
    [
        ("push", "private", "run me/name"),
        ("vectors push", "private", "folder me/name"),
        ("vectors push", "overwrite_card", "folder me/name"),
        ("demo", "private", "run"),
        ("card", "overwrite_card", "run me/name"),
    ],
)
def test_a_switch_takes_true_or_false_or_nothing(name: str, flag: str, given: str) -> None:
    for more, expected in (("", False), (f"--{flag}", True), (f"--{flag} true", True), (f"--{flag} false", False)):
        found = make_parser(name).read([*given.split(), *more.split()])
        assert next(vars(one)[flag] for one in found if flag in vars(one)) is expected


def test_help_leaves_out_what_a_command_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    commands = ("train", "pretrain", "train --task translation")
    flags = {name: set(re.findall(r"--\w+", shown(capsys, *name.split(), "--help"))) for name in commands}
    refused = {"--frozen_epochs", "--layer_decay", "--adversarial_size"}
    assert refused <= flags["train"] and not refused & (flags["pretrain"] | flags["train --task translation"])
    assert {"--label_smoothing_factor", "--trim_vocabulary"} <= flags["train"] - flags["pretrain"]


def test_help_tells_the_defaults_of_a_preset(capsys: pytest.CaptureFixture[str]) -> None:
    text = re.sub(r"\s+", " ", shown(capsys, "train", "--preset", "best", "--help"))
    about = {name: text.partition(f"--{name} ")[2].partition(" --")[0] for name in ("hidden_size N", "learning_rate X")}
    assert about["hidden_size N"].endswith("Default: 128 with a teacher, otherwise as for train.")
    assert about["learning_rate X"].endswith("Default: 0.001 without a teacher, with one as for distill.")


def test_help_wins_over_what_else_is_typed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "--hidden_size" in shown(capsys, "train", "nowhere.yaml", "--hidden_size", "x", "--help")
    assert "--tf32" in shown(capsys, "train", "--help_all")


def test_the_command_line_introduces_itself(capsys: pytest.CaptureFixture[str]) -> None:
    import modeling_lstm

    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(f"\n  {command} " in text for command in COMMANDS)
    assert main([]) == 2
    assert main(["fly"]) == 2
    assert "unknown command 'fly'" in capsys.readouterr().err
    assert main(["vectors"]) == main(["vectors", "fly"]) == 2
    text = capsys.readouterr().err
    assert all(command in text for command in VECTORS_COMMANDS)
    assert main(["--version"]) == 0
    assert modeling_lstm.__version__ in capsys.readouterr().out


def test_the_package_is_a_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "modeling_lstm", "--version"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.startswith("modeling-lstm ") and done.returncode == 0


def test_the_registry_names_what_there_is() -> None:
    from importlib import import_module

    for name, command in ALL.items():
        module = import_module(f"modeling_lstm.cli.{command.module}")
        assert callable(getattr(module, f"run_{name.partition(' --')[0].replace(' ', '_')}"))
        assert command.about[0].islower() and not command.about.endswith(".")
    assert all(make_parser(name).command == name for name in NAMES)


def test_an_old_flag_works_and_says_what_to_type(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    program = "from modeling_lstm.cli import main; main(['compare', '--dataset', 'x', '--output', ''])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    told, error = done.stderr.splitlines()
    assert told == "--output is now called --output_dir: write --output_dir."
    assert error == "modeling-lstm: error: Name the folder of the comparison with --output_dir."


@pytest.mark.parametrize("command", ["predict", "evaluate", "explain", "generate", "train --output_dir x --dataset"])
def test_a_text_where_a_name_belongs(command: str, fails: Callable[..., str]) -> None:
    given = ["A long sentence. " * 40] + (["text"] if command in ("predict", "explain", "generate") else [])
    assert re.search("There is no .*A long sentence", fails(*command.split(), *given))
