"""Every setting that `train --help` lists, with good and hostile values: it works, or is refused in one sentence."""

import argparse
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from modeling_lstm.cli import main
from modeling_lstm.pretraining.pretraining_job import PretrainingJob
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError
from modeling_lstm.utils.flags import FlagParser
from tests.conftest import opinion_rows, write_csv

SMALL = "--embedding_size 2 --hidden_size 2 --min_frequency 1 --num_train_epochs 1 --per_device_train_batch_size 32 "
SMALL += "--disable_tqdm true --use_cpu true --overwrite"
TEXT = "--per_device_train_batch_size 4 --block_size 5"  # of a language model
# Tested elsewhere, for they name files or Hub ids, or take long (a compiler, Ray)
ELSEWHERE = {
    *(
        "help",
        "dataset",
        "subset",
        "train_dataset",
        "output_dir",
        "push_to_hub",
        "resume_from_checkpoint",
        "transformer",
    ),
    *("embeddings", "tokenizer", "config_overrides", "text_column", "label_column", "group_column", "torch_compile"),
    *("torch_compile_backend", "torch_compile_mode", "skip_memory_metrics", "pretrained"),
    *("validation_dataset", "exclude", "transformer_config", "engine", "workers", "address"),
}
SLOW = {
    ("--dataloader_num_workers", "7"),
    ("--dataloader_num_workers", "1"),
    ("--max_steps", "1000000000000"),
    ("--num_train_epochs", "1000000000000"),
}
NUMBERS = ["-1", "0", "1", "7", "0.5", "nan", "1000000000000", "1000000000000000000000", "fast"]
TEXTS = ["nowhere", "", '{"a": 1}']


def values(action: argparse.Action) -> list[list[str]]:
    """Flags with values of the type that the setting has."""
    flag = action.option_strings[0]
    if action.nargs == 0:
        return [[flag]]
    if action.choices:
        given = [*map(str, action.choices), "another"]
    elif action.type in (int, float):
        given = NUMBERS
    elif getattr(action.type, "__name__", "") == "true_or_false":
        given = ["true", "false", "maybe"]
    else:
        given = TEXTS
    several = [[flag, "neg", "pos"]] if action.nargs in ("+", "*") else []
    return [[flag, value] for value in given] + several


def refusal(parser: Any, given: list[str]) -> str | None:
    try:
        parser.read(given)
    except InputError as error:
        return str(error)
    return None


def train_all(command: str, groups: list[list[str]], base: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """
    Train with all flags at once. Where that is refused, the flags that the message names are tried one by one and the
    others together again, or if it names none of them each half, so that in the end each was trained with or refused
    alone.
    """
    waiting = [groups]
    while waiting:
        some = waiting.pop()
        capsys.readouterr()
        status = main([command, *base, *(part for one in some for part in one)])
        error = capsys.readouterr().err
        assert status in (0, 2) and "Traceback" not in error, some
        if status == 0:
            continue
        assert error.count("modeling-lstm: error: ") == 1, error
        named = re.findall(r"[a-z]\w+", error.partition("modeling-lstm: error: ")[2].replace("--no_", "--"))
        chosen = [one for one in some if one[0].removeprefix("--").removeprefix("no_") in named]
        if chosen and len(some) > 1:
            waiting += [[one] for one in chosen] + [rest for rest in [[x for x in some if x not in chosen]] if rest]
        elif len(some) > 1:
            waiting += [some[: len(some) // 2], some[len(some) // 2 :]]


@pytest.mark.slow
@pytest.mark.parametrize(("command", "job", "more"), [("train", TrainingJob, ""), ("pretrain", PretrainingJob, TEXT)])
def test_every_setting_works_or_is_refused(
    command: str,
    job: type[TrainingJob],
    more: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The second command tries settings that both have with one value each."""
    monkeypatch.chdir(tmp_path)
    shared = set() if job is TrainingJob else {field.name for kind in TrainingJob.kinds for field in fields(kind)}
    parser = FlagParser(command, *job.kinds)
    data = write_csv(tmp_path / "data.csv", opinion_rows(60))
    base = ["--dataset", str(data), "--output_dir", str(tmp_path / "run"), *SMALL.split(), *more.split()]
    accepted: dict[str, list[list[str]]] = {}
    for action in parser._actions:
        if action.dest not in ELSEWHERE:
            for one in values(action):
                if action.dest in shared and action.dest in accepted:
                    break
                if refusal(parser, [*base, *one]) is None and tuple(one) not in SLOW:
                    accepted.setdefault(action.dest, []).append(one)
    assert len(accepted) > 110
    trainings: list[list[list[str]]] = []
    for choices in accepted.values():
        for number, one in enumerate(choices):
            trainings += [[]] * (number + 1 - len(trainings))
            trainings[number] = [*trainings[number], one]
    assert 3 <= len(trainings) <= 40
    assert refusal(parser, [*base, "--dataloader_num_workers", "1000000000000"])  # or it would start as many processes
    for groups in trainings:
        train_all(command, groups, base, capsys)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("--label_names neg pos", "--label_names .* cannot be used because labels are named with --labels"),
        ("--no_remove_unused_columns", "--remove_unused_columns False cannot be used"),
        ("--batch_eval_metrics true", "--batch_eval_metrics True cannot be used because scores"),
        ("--no_eval_do_concat_batches", "--eval_do_concat_batches False cannot be used"),
        (
            "--dataloader_drop_last true --per_device_train_batch_size 1000",
            "leaves no batch: there are 90 rows .* 1000",
        ),
        ("--report_to wandb", "--report_to wandb needs a package that is not installed"),
        ("--report_to nothing", "--report_to must be none, all or one of .*tensorboard"),
        ("--optim adamw_bnb_8bit", "--optim adamw_bnb_8bit cannot be used: .*bitsandbytes"),
        ("--optim sgd --optim_args speed", "--optim sgd with --optim_args speed cannot be used"),
        ("--optim rmsprop --optim_args alpha=-1", "--optim rmsprop with --optim_args alpha=-1 cannot be used"),
        ("--learning_rate nan", "argument --learning_rate.*invalid float value: 'nan'"),
        ("--weight_decay inf", "argument --weight_decay.*invalid float value: 'inf'"),
        ("--hidden_size 99999999999999999999", "argument --hidden_size.*invalid int value"),
        ("--hidden_size 999999999", "cannot be built with these sizes"),
        ("--num_hidden_layers 1000000", "--num_hidden_layers must be at most 1000"),
        ("--seed 4294967296", "--seed must be from 0 to 4294967295"),
        ("--split_seed -1", "--split_seed must be from 0"),
        ("--prediction_loss_only true --metric_for_best_model accuracy", "leaves no score but the loss"),
        ("--lr_scheduler_type cosine_with_min_lr", "--lr_scheduler_type cosine_with_min_lr cannot be used: .*min_lr"),
        ("--lr_scheduler_kwargs speed", "--lr_scheduler_kwargs takes JSON"),
        ("--train_sampling_strategy longest", "--train_sampling_strategy must be one of group_by_length"),
        ("--fp16 true", "--fp16 needs a GPU"),
        ("--bf16_full_eval true", "--bf16_full_eval True cannot be used because the weights would be saved"),
        ("--fsdp full_shard", "--fsdp full_shard cannot be used.*torchrun"),
        ("--deepspeed none.json", "--deepspeed none.json cannot be used"),
        ("--accelerator_config none.json", "none.json"),
        ("--dataloader_num_workers 129", "--dataloader_num_workers must be at most 128, found 129"),
        ("--dataloader_num_workers 1000000000000", "--dataloader_num_workers must be at most 128"),
        ("--dataloader_persistent_workers true", "needs --dataloader_num_workers"),
        ("--torch_compile_backend gcc", "--torch_compile_backend must be one of .*inductor"),
        ("--torch_compile_mode fast", "--torch_compile_mode must be one of default"),
        ("--save_total_limit 0", "--save_total_limit must be at least 1"),
        ("--adam_beta1 1", "--adam_beta1 must be at least 0 and below 1, found 1.0"),
        ("--max_steps 0", "--max_steps must be at least 1, found 0"),
        ("--eval_strategy no", "load_best_model_at_end"),
        (
            "--load_best_model_at_end false --early_stopping_patience 2",
            "--early_stopping_patience needs --load_best_model_at_end true",
        ),
        ("--eval_strategy no --save_strategy no --early_stopping_patience 2", "needs evaluations, but --eval_strategy"),
    ],
)
def test_what_is_refused(
    flags: str, message: str, data_folder: Path, tmp_path: Path, fails: Callable[..., str]
) -> None:
    found = fails("train", "--dataset", data_folder, "--output_dir", tmp_path / "run", *SMALL.split(), *flags.split())
    assert re.search(message, found), found
    assert not (tmp_path / "run").exists() or not any((tmp_path / "run").iterdir())


def test_a_loss_alone_decides_where_nothing_else_is_computed(data_folder: Path, tmp_path: Path) -> None:
    flags = ["--dataset", str(data_folder), "--output_dir", str(tmp_path / "run"), *SMALL.split()]
    assert main(["train", *flags, "--prediction_loss_only", "true"]) == 0


def test_dropped_batches_are_none_of_validation(data_folder: Path, tmp_path: Path) -> None:
    """30 rows, and 128 in a batch."""
    from modeling_lstm.runs.record import read_record

    flags = ["--dataset", str(data_folder), "--output_dir", str(tmp_path / "run"), *SMALL.split()]
    assert main(["train", *flags, "--dataloader_drop_last", "true"]) == 0
    assert set(read_record(tmp_path / "run")["metrics"]["validation"]) >= {"accuracy", "loss"}


def test_what_a_library_says_of_a_setting_is_one_sentence(
    data_folder: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from modeling_lstm.training.lstm_trainer import LstmTrainer

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("no such kernel")

    monkeypatch.setattr(LstmTrainer, "training_step", fail)
    flags = ["--dataset", data_folder, "--output_dir", tmp_path / "run", *SMALL.split()]
    message = fails("train", *flags, "--neftune_noise_alpha", "1")
    assert "RuntimeError: no such kernel - the cause may be one of the settings --neftune_noise_alpha" in message
    with pytest.raises(RuntimeError, match="no such kernel"):  # a fault of the program keeps its traceback
        main([str(one) for one in ["train", *flags]])
