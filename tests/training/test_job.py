"""`TrainingJob` and `train` from Python: settings by keywords, models of one's own, the Trainer of a job."""

import contextlib
import json
import logging
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pandas as pd
import pytest
import torch
from datasets import Dataset, DatasetDict
from transformers import (
    BertConfig,
    DebertaV2Config,
    GPT2Config,
    GPT2LMHeadModel,
    RobertaConfig,
    T5Config,
    TrainingArguments,
    XLNetConfig,
)
from transformers.trainer_utils import IntervalStrategy
from transformers.utils import logging as logging_of_transformers

import modeling_lstm as ml
from modeling_lstm.cli import main
from modeling_lstm.data.arguments import DataArguments
from modeling_lstm.data.loading import load_data
from modeling_lstm.data.token_limits import max_positions
from modeling_lstm.distillation.student_job import DistillationJob
from modeling_lstm.runs.record import read_record
from modeling_lstm.tasks.text_classification import TextClassification
from modeling_lstm.training import ray_training
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError
from tests.conftest import opinion_rows, tiny_model, write_csv

QUICK: dict[str, Any] = {"hidden_size": 8, "embedding_size": 8, "min_frequency": 1, "num_train_epochs": 1}
QUICK |= {"use_cpu": True, "disable_tqdm": True}


@pytest.mark.parametrize("disable_tqdm", [True, False])
def test_all_bars_are_hidden_on_request(
    disable_tqdm: bool, data_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Also those of the libraries, and only until the end."""
    datasets.enable_progress_bars()
    logging_of_transformers.enable_progress_bar()
    try:
        settings = QUICK | {"disable_tqdm": disable_tqdm, "output_dir": str(tmp_path / "run")}
        TrainingJob(dataset=str(data_folder), **settings).run()
        assert ("%|" in capfd.readouterr().err) is not disable_tqdm
        assert not datasets.are_progress_bars_disabled() and logging_of_transformers.is_progress_bar_enabled()
    finally:  # as tests/conftest.py does
        datasets.disable_progress_bars()
        logging_of_transformers.disable_progress_bar()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"overwrite": "false"}, "--overwrite must be True or False, found 'false'"),
        ({"learning_rate": "abc"}, "--learning_rate must be a number, found 'abc'"),
        ({"learning_rate": float("inf")}, "--learning_rate must be finite, found inf"),
        ({"embedding_range": float("nan")}, "--embedding_range must be finite, found nan"),
        ({"num_train_epochs": True}, "--num_train_epochs must be a number, found True"),
        ({"hidden_size": 10.5}, "--hidden_size must be a whole number, found 10.5"),
        ({"labels": {"neg": 0}}, "--labels must be a list, found {'neg': 0}"),
        ({"text_column": 0}, "--text_column must be a list, found 0"),
        ({"max_length": None}, "--max_length cannot be None: leave it out"),
        ({"validation_share": None}, "--validation_share cannot be None"),
        ({"learning_rate": None}, "--learning_rate cannot be None"),
        ({"lowercase": None}, "--lowercase cannot be None"),
        ({"resume_from_checkpoint": True}, "--resume_from_checkpoint must be one text, found True"),
        ({"output_dir": ["a"]}, r"--output_dir must be one text, found \['a'\]"),
        ({"cell_type": "rnn"}, "--cell_type must be one of lstm, gru, found 'rnn'"),
        ({"dataset": Dataset.from_dict({"text": ["a"]})}, r"found a Dataset\. .*to_parquet"),
        ({"dataset": DatasetDict()}, r"found a DatasetDict\. .*to_parquet"),
        ({"dataset": pd.DataFrame({"text": ["a"]})}, r"found a DataFrame\. .*to_parquet"),
        ({"dataset": None}, "--dataset cannot be None: give a value"),
        ({"tokenizer": object()}, "--tokenizer must be one text, found <object"),
        ({"hiden_size": 10}, "Unknown setting 'hiden_size': did you mean hidden_size"),
        ({"epochs": 3}, "Unknown setting 'epochs': did you mean num_train_epochs?"),
        ({"batch_size": 3}, r"did you mean per_device_train_batch_size\?"),
        ({"seed": -1}, "--seed must"),
        ({"task": "fly"}, "Unknown task 'fly'"),
    ],
)
def test_what_cannot_be_used_is_refused_at_once(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ml.TrainingJob(**{"dataset": "order-matters", "output_dir": "unused"} | settings)


def test_a_job_from_keywords_a_dictionary_and_a_recipe(tmp_path: Path) -> None:
    settings = {"dataset": "order-matters", "output_dir": "runs/a", "hidden_size": 7, "label_column": "label"}
    (tmp_path / "a.yaml").write_text("\n".join(f"{name}: {value}" for name, value in settings.items()), "utf-8")
    jobs = [
        ml.TrainingJob(**settings),
        ml.TrainingJob.from_dict(settings),
        ml.TrainingJob.from_yaml(tmp_path / "a.yaml"),
    ]
    for job in jobs:
        assert (job.model.hidden_size, job.data.label_column, job.training.seed) == (7, ["label"], 42)
        assert job.command is not None and "--hidden_size 7" in job.command
    assert ml.TrainingJob.from_yaml(tmp_path / "a.yaml", hidden_size=9).model.hidden_size == 9
    assert "hidden_size=7" in repr(jobs[0])


def test_numbers_of_numpy_are_numbers(tmp_path: Path) -> None:
    numbers = {"seed": np.int64(3), "split_seed": np.int64(4), "hidden_size": np.int32(8), "max_length": np.int64(20)}
    numbers |= {"learning_rate": np.float32(0.5), "validation_share": np.float64(0.25), "lowercase": np.bool_(False)}
    job = ml.TrainingJob(dataset="order-matters", output_dir=str(tmp_path), num_train_epochs=np.int64(1), **numbers)
    found = [job.training.seed, job.data.split_seed, job.model.hidden_size, job.data.max_length]
    found += [job.training.learning_rate, job.data.validation_share, job.tokenizer.lowercase]
    assert found == [3, 4, 8, 20, 0.5, 0.25, False] and job.training.num_train_epochs == 1.0
    assert all(type(one) in (int, float, bool) for one in found)
    with pytest.raises(InputError, match="settings must be a dictionary, found list"):
        ml.TrainingJob.from_dict([])  # type: ignore[arg-type]


def test_settings_that_a_library_or_a_program_passes(tmp_path: Path) -> None:
    job = ml.TrainingJob(dataset="order-matters", output_dir="runs/a", logging_strategy=IntervalStrategy.EPOCH)
    assert "--logging_strategy epoch" in str(job.command)
    job = DistillationJob(dataset="order-matters", output_dir="runs/a", teacher="x", unlabeled=None)
    assert job.distillation.unlabeled == []
    with pytest.raises(InputError, match="--teacher must be one text, found"):
        DistillationJob(dataset="order-matters", output_dir="runs/a", teacher=["x", "y"])


def test_a_run_that_is_replaced_is_not_complete(data_folder: Path, trained: Path, run_copy: Path) -> None:
    """Even before the main of several processes has emptied its folder."""
    checkpoint = next(trained.glob("checkpoint-*"))
    settings = {"output_dir": str(run_copy), "overwrite": True, "resume_from_checkpoint": str(checkpoint)}
    for where in (checkpoint, run_copy / checkpoint.name):
        runner = TrainingJob(dataset=str(data_folder), **settings | {"num_train_epochs": 1, "use_cpu": True}).runner()
        runner.checkpoint = str(where)
        trainer = types.SimpleNamespace(
            set_initial_training_values=lambda *_: (1, 1), get_train_dataloader=lambda: None
        )
        assert runner._find_end(trainer) == (None if where == checkpoint else "num_train_epochs")


def test_a_job_with_vectors_in_memory_has_no_command() -> None:
    vectors = ml.WordVectors(["good"], np.ones((1, 4), np.float32))
    job = ml.TrainingJob(dataset="order-matters", output_dir="runs/a", embeddings=vectors)
    assert job.command is None and job.model.embeddings is vectors


def test_no_preset_is_none(tmp_path: Path) -> None:
    ml.train(dataset="order-matters", output_dir=str(tmp_path), preset=None, task="text-classification", **QUICK)
    assert (tmp_path / "run.json").is_file()


def test_numbers_and_tuples_are_names() -> None:
    job = ml.TrainingJob(dataset="order-matters", output_dir="unused", labels=(0, 1), label_column=("label",))
    assert (job.data.labels, job.data.label_column) == (["0", "1"], ["label"])


def test_no_record_tells_the_token() -> None:
    job = ml.TrainingJob(dataset="order-matters", output_dir="runs/a", hub_token="secret", hidden_size=7)
    kwargs = {"lr_scheduler_type": "cosine_with_min_lr", "lr_scheduler_kwargs": {"min_lr": 1e-5}}
    other = ml.TrainingJob(dataset="order-matters", output_dir="runs/a", **kwargs)
    assert """--lr_scheduler_kwargs '{"min_lr": 1e-05}'""" in str(other.command)
    assert job.training.hub_token == "secret" and "hidden_size 7" in str(job.command)
    assert "token" not in f"{job.command} {job!r}"


def test_a_model_of_ones_own(data_folder: Path, tmp_path: Path) -> None:
    def model_init(tokenizer: Any, task: Any) -> Any:
        config = ml.LstmConfig(vocab_size=len(tokenizer), embedding_size=6, hidden_size=5, **task.config_fields())
        return ml.LstmForSequenceClassification(config)

    run = tmp_path / "run"
    record: Any = ml.train(dataset=data_folder, output_dir=run, model_init=model_init, **QUICK)
    assert "embedding_learning_rate" not in record["training"]  # its vectors may have been trained before
    model, _ = ml.load_run(str(run))
    assert record["model"]["hidden_size"] == model.config.hidden_size == 5 and record["model"]["pooling"] == "last"
    assert record["model"]["parameters"] == model.num_parameters() and record["command"] is None
    assert {one["label"] for one in ml.predict(run, ["a film", "b"])} <= {"negative", "neutral", "positive"}
    with pytest.raises(InputError, match="has num_labels=2, but the task has 3 labels"):
        ml.train(
            dataset=data_folder,
            output_dir=tmp_path / "other",
            model_init=lambda tokenizer, _: tiny_model(vocab_size=len(tokenizer), num_labels=2),
            **QUICK,
        )
    with pytest.raises(InputError, match="must return a PreTrainedModel, found a Linear"):
        ml.train(
            dataset=data_folder, output_dir=tmp_path / "other", model_init=lambda *_: torch.nn.Linear(1, 1), **QUICK
        )


def test_a_finished_classifier_is_trained_further(data_folder: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    ml.train(dataset=data_folder, output_dir=first, **QUICK)
    model, _ = ml.load_run(first)
    given = {"dataset": data_folder, "tokenizer": str(first), **QUICK}
    ml.train(output_dir=tmp_path / "second", model_init=lambda *_: ml.load_run(first)[0], learning_rate=0.0, **given)
    again, _ = ml.load_run(tmp_path / "second")
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))
    model.config.id2label = {0: "positive", 1: "neutral", 2: "negative"}
    with pytest.raises(InputError, match=r"order \['positive', 'neutral', 'negative'\], but the data have \['neg"):
        ml.train(output_dir=tmp_path / "third", model_init=lambda *_: model, **given)


def test_labels_are_smoothed_or_it_is_refused(data_folder: Path, tmp_path: Path, tokenizer: Any) -> None:
    """Of a model that is given, too; and several labels, or numbers, cannot be."""

    def model_init(tokenizer: Any, task: Any) -> Any:
        return tiny_model(vocab_size=len(tokenizer), **task.config_fields())

    settings: dict[str, Any] = QUICK | {"output_dir": tmp_path / "run", "label_smoothing_factor": 0.3}
    given = ml.TrainingJob(dataset=data_folder, model_init=model_init, **settings).runner().trainer()
    assert given.model.config.label_smoothing == 0.3
    args = TrainingArguments(output_dir=str(tmp_path), label_smoothing_factor=0.4, use_cpu=True)
    trainer = ml.LstmTrainer(tiny_model(), args, processing_class=tokenizer)
    assert trainer.model.config.label_smoothing == 0.4 and trainer.label_smoother is None
    with pytest.raises(InputError, match="needs single labels; this model is for regression"):
        ml.LstmTrainer(tiny_model(problem_type="regression", num_labels=1), args, processing_class=tokenizer)
    language_model = ml.LstmForCausalLM(ml.LstmConfig(vocab_size=9, embedding_size=4, hidden_size=4))
    with pytest.raises(InputError, match="--label_smoothing_factor is not for language models"):
        ml.LstmTrainer(language_model, args, processing_class=tokenizer)
    numbers = write_csv(tmp_path / "numbers.csv", [(text, len(label)) for text, label in opinion_rows(30)])
    for more in ({}, {"model_init": model_init}):
        job = ml.TrainingJob(dataset=numbers, problem_type="regression", **more, **settings)
        with pytest.raises(InputError, match="--label_smoothing_factor needs single labels; this task is regression"):
            job.runner().trainer()


def test_few_steps_are_told(data_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    ml.TrainingJob(dataset=data_folder, output_dir=tmp_path / "run", **QUICK).runner().trainer()
    assert "Only 2 training steps: with so few rows, try --num_train_epochs 150 or" in caplog.text
    caplog.clear()
    fitted = {name: value for name, value in QUICK.items() if name not in ("num_train_epochs", "max_steps")}
    few = fitted | {"max_train_samples": 20, "gradient_accumulation_steps": 9}
    trainer = ml.TrainingJob(dataset=data_folder, output_dir=tmp_path / "run", **few).runner().trainer()
    assert trainer.args.num_train_epochs == 300 and "training steps" not in caplog.text


@pytest.mark.parametrize(("accuracy", "is_told"), [(1 / 3, True), (0.5, False)])
def test_a_classifier_that_learned_nothing_is_told(
    data_folder: Path, accuracy: float, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    data = load_data(DataArguments(dataset=str(data_folder)))
    TextClassification.from_data(data).check_scores({"accuracy": accuracy}, data)
    said = f"no better (accuracy 0.3333) than always answering {data.label_names[0]!r} (0.3333)"
    assert (said in caplog.text) is is_told


def rows_for_trainer(tokenizer: Any) -> Dataset:
    rows = opinion_rows(12)
    numbers = {"negative": 0, "neutral": 1, "positive": 2}
    return Dataset.from_list([tokenizer(text) | {"label": numbers[label]} for text, label in rows])


@pytest.mark.parametrize("kind", ["lstm", "gpt2"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_gathered_batches_of_tokens_are_weighted_by_tokens(side: str, kind: str, tmp_path: Path) -> None:
    """The gradient of several batches with different numbers of tokens is that of one batch with all of them."""
    rows = [{"input_ids": ids, "labels": ids} for ids in ([1, 2], [3, 4, 5, 6, 7, 8, 1, 2, 3])]
    widest = max(len(row["labels"]) for row in rows)

    def collate(some: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        def padded(name: str, value: int) -> torch.Tensor:
            lists = [(row[name], [value] * (widest - len(row[name]))) for row in some]
            return torch.tensor([more + ids if side == "left" else ids + more for ids, more in lists])

        rows = {"input_ids": padded("input_ids", 0), "labels": padded("labels", -100)}
        return rows | {"attention_mask": (rows["labels"] >= 0).long()}

    found = []
    for batch in (1, 2):
        torch.manual_seed(0)
        model: Any = ml.LstmForCausalLM(ml.LstmConfig(vocab_size=9, embedding_size=4, hidden_size=4))
        if kind == "gpt2":
            dropouts = {"embd_pdrop": 0.0, "attn_pdrop": 0.0, "resid_pdrop": 0.0}
            model = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_layer=1, n_embd=4, n_head=2, n_positions=16, **dropouts))
        args = ml.LstmTrainingArguments(
            output_dir=str(tmp_path), per_device_train_batch_size=batch, gradient_accumulation_steps=2 // batch,
            optim="sgd", learning_rate=1.0, lr_scheduler_type="constant", max_grad_norm=0.0, max_steps=1,
            use_cpu=True, disable_tqdm=True, save_strategy="no", eval_strategy="no",
            load_best_model_at_end=False, report_to="none",
        )  # fmt: skip
        ml.LstmTrainer(model, args, train_dataset=rows, data_collator=collate).train()
        found.append(model.state_dict())
    for name, weight in found[0].items():
        torch.testing.assert_close(weight, found[1][name])


@pytest.mark.parametrize("settings", [{"average_epochs": 0.5}, {"frozen_epochs": 1}])
def test_model_init_makes_the_model_that_is_averaged_or_frozen(
    settings: dict[str, Any], tokenizer: Any, tmp_path: Path
) -> None:
    args = ml.LstmTrainingArguments(
        output_dir=str(tmp_path), num_train_epochs=1, learning_rate=0.1, warmup_steps=0.0, lr_scheduler_type="constant",
        use_cpu=True, disable_tqdm=True, **settings,
    )  # fmt: skip
    rows = rows_for_trainer(tokenizer)
    made: list[Any] = []

    def model_init() -> Any:
        made.append(tiny_model(vocab_size=len(tokenizer), pooling="mean"))
        return made[-1]

    trainer = ml.LstmTrainer(
        args=args, model_init=model_init, train_dataset=rows, eval_dataset=rows, processing_class=tokenizer
    )
    trainer.train()
    assert trainer.model is made[-1]
    start, found = model_init().state_dict(), trainer.model.state_dict()
    changed = {name.split(".")[0] for name, weight in found.items() if not torch.equal(weight, start[name])}
    assert changed == ({"classifier"} if "frozen_epochs" in settings else {"classifier", "lstm"})


def test_class_weights_apply_to_a_model_of_ones_own(data_folder: Path, tmp_path: Path) -> None:
    def model_init(tokenizer: Any, task: Any) -> Any:
        return tiny_model(vocab_size=len(tokenizer), **task.config_fields())

    job = ml.TrainingJob(
        dataset=data_folder, output_dir=tmp_path, model_init=model_init, class_weights="balanced", **QUICK
    )
    assert job.runner().trainer().compute_loss_func.weights == pytest.approx([1.0] * 3)


def test_batches_of_equal_cost_are_drawn_by_seed_and_epoch(tokenizer: Any, tmp_path: Path) -> None:
    def order(epoch: float, **seeds: int) -> list[list[int]]:
        args = ml.LstmTrainingArguments(
            output_dir=str(tmp_path), train_sampling_strategy="batch_rebalance", use_cpu=True,
            per_device_train_batch_size=4, **seeds,
        )  # fmt: skip
        rows = rows_for_trainer(tokenizer)
        model = tiny_model(vocab_size=len(tokenizer))
        trainer = ml.LstmTrainer(model, args, train_dataset=rows, eval_dataset=rows, processing_class=tokenizer)
        trainer.state.epoch = epoch
        return list(trainer._get_train_sampler(rows))

    first = order(0, seed=1)
    assert first == order(0, seed=1) == order(0, seed=9, data_seed=1)
    assert first != order(0, seed=2) and first != order(1, seed=1) and order(1.5, seed=1) == order(1, seed=1)


def test_the_trainer_alone_with_model_init_and_frozen_words(tokenizer: Any, tmp_path: Path) -> None:
    args = ml.LstmTrainingArguments(
        output_dir=str(tmp_path), embedding_learning_rate=0.0, num_train_epochs=1, use_cpu=True, disable_tqdm=True
    )
    start = tiny_model(vocab_size=len(tokenizer)).get_input_embeddings().weight.detach().clone()
    rows = rows_for_trainer(tokenizer)
    trainer = ml.LstmTrainer(
        args=args,
        model_init=lambda: tiny_model(vocab_size=len(tokenizer)),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )
    trainer.train()
    assert torch.equal(trainer.model.get_input_embeddings().weight, start)
    assert trainer.args.metric_for_best_model == "loss" and trainer.args.greater_is_better is False
    assert trainer.state.best_metric is not None


@pytest.mark.parametrize("schedule", ["reduce_lr_on_plateau", "greedy"])
@pytest.mark.parametrize(("metric", "mode"), [("accuracy", "max"), ("loss", "min")])
def test_a_schedule_that_watches_the_score_knows_where_it_is_better(
    schedule: str, metric: str, mode: str, data_folder: Path, tmp_path: Path
) -> None:
    settings = QUICK | {"lr_scheduler_type": schedule, "metric_for_best_model": metric}
    job = ml.TrainingJob(dataset=data_folder, output_dir=tmp_path / "run", **settings)
    trainer = job.runner().trainer()
    trainer.create_optimizer_and_scheduler(10)
    assert trainer.lr_scheduler.mode == mode


def test_answers_to_nothing_and_to_what_is_no_text(trained: Path, tmp_path: Path) -> None:
    assert ml.predict(trained, []) == []
    with pytest.raises(InputError, match="Text 2 must be a string, found None"):
        ml.predict(trained, ["a", None])
    asked = write_csv(tmp_path / "asked.csv", opinion_rows(6))
    before = asked.read_bytes()
    with pytest.raises(InputError, match="would write over --input"):
        ml.predict(trained, input=str(asked), output=str(asked))
    assert asked.read_bytes() == before
    assert len(list(ml.predict(trained, input=asked))) == 6


@pytest.mark.parametrize(
    ("name", "command"), [("few_labels", "train"), ("trec_distilled", "train"), ("sst2_distilled", "distill")]
)
def test_a_recipe_of_another_command_says_so(name: str, command: str) -> None:
    path = f"recipes/{name}.yaml"
    with pytest.raises(InputError, match=f"'{path}' is a recipe of another command: modeling-lstm {command} {path}"):
        TrainingJob.from_yaml(path)


def test_a_table_is_no_recipe(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "reviews.csv", opinion_rows(6))
    with pytest.raises(InputError, match=r"A recipe is a YAML file, found .*: write --dataset"):
        ml.TrainingJob.from_yaml(path, output_dir="unused")


def test_functions_take_settings_by_keywords(trained: Path, tmp_path: Path) -> None:
    result = ml.evaluate(trained, split="test", resamples=100, output_dir=str(tmp_path / "scores"))
    assert result["rows"] == 33 and json.loads((tmp_path / "scores" / "evaluation.json").read_text("utf-8"))
    assert ml.explain(trained, "the film was great").words == ["the", "film", "was", "great"]
    assert ml.trace(trained, "the film").words == ["the", "film"]
    with pytest.raises(InputError, match="Unknown setting 'splitt': did you mean split"):
        ml.evaluate(trained, splitt="test")


@pytest.mark.parametrize("saved", [False, True])
def test_a_worker_that_is_lost_early_does_not_bring_an_overwritten_run_back(
    saved: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    (run / "checkpoint-9").mkdir(parents=True)
    told: list[dict[str, Any]] = []

    def fit(_: Any, __: Any, settings: dict[str, Any], ___: Path) -> str | None:
        told.append(dict(settings))
        if saved:
            (run / "checkpoint-2").mkdir(exist_ok=True)
        return None if len(told) > 1 else "a worker was lost"

    monkeypatch.setattr(ray_training, "open_cluster", lambda _: contextlib.nullcontext())
    monkeypatch.setattr(ray_training, "_fit", fit)
    monkeypatch.setattr(ray_training, "read_record", lambda _: {})
    job = TrainingJob(dataset="order-matters", output_dir=str(run), overwrite=True, engine="ray")
    ray_training.train_by_ray(job, lambda _: None)
    assert told[0]["overwrite"] is True and "resume_from_checkpoint" not in told[0]
    assert (told[1]["overwrite"], told[1].get("resume_from_checkpoint")) == ((False, "last") if saved else (True, None))


def test_a_transformer_reads_no_more_than_it_has_places_for(
    encoder: Path, tmp_path: Path, fails: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [(f"{text} number" * 20, label) for text, label in opinion_rows(60)]
    data = write_csv(tmp_path / "rows.csv", rows)
    flags = ["train", "--dataset", data, "--transformer", encoder, "--max_steps", "1", "--use_cpu", "true"]
    told = fails(*flags, "--output_dir", tmp_path / "run", "--max_length", "65")
    assert f"The Transformer '{encoder}' reads at most 64 tokens, found --max_length 65: lower it." in told
    told = fails(*flags, "--output_dir", tmp_path / "run", "--train_max_length", "100")
    assert "reads at most 64 tokens, found --train_max_length 100: lower it." in told
    with caplog.at_level(logging.INFO):
        assert main([*map(str, flags), "--output_dir", str(tmp_path / "run")]) == 0
    assert "reads at most 64 tokens: --max_length 64" in caplog.text
    assert read_record(tmp_path / "run")["data"]["max_length"] == 64


def test_the_places_of_transformers() -> None:
    places = {"max_position_embeddings": 514}
    assert max_positions(BertConfig(**places)) == 514 and max_positions(RobertaConfig(**places)) == 512
    assert max_positions(XLNetConfig()) is None and max_positions(T5Config()) is None
    assert max_positions(DebertaV2Config(position_biased_input=False)) is None and max_positions(GPT2Config()) == 1024
