"""A new task in one file: it registers itself, is trained, evaluated, saved and opened; nothing else is edited."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from datasets import Dataset, DatasetDict
from torch import nn
from transformers import DataCollatorForTokenClassification

from modeling_lstm.data.tokenization import TokenizedSplit, tokenize
from modeling_lstm.evaluation.evaluator import evaluate
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.models.configuration_lstm import LstmConfig
from modeling_lstm.models.modeling_lstm import LstmModel, LstmPreTrainedModel
from modeling_lstm.publishing.card import make_card
from modeling_lstm.runs.record import read_record
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.tasks.base import TASKS, Task, register_task, task_class, task_of
from modeling_lstm.training.job import TrainingJob
from modeling_lstm.utils.errors import InputError

ROWS = 10


class LstmForTextReversal(LstmPreTrainedModel):
    """Says for each place which token stands there in the text read backwards."""

    def __init__(self, config: LstmConfig):
        super().__init__(config)
        self.lstm = LstmModel(config)
        self.head = nn.Linear(2 * config.hidden_size, config.vocab_size)
        self.post_init()

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor, labels: Any = None) -> dict[str, Any]:
        logits = self.head(self.lstm(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state)
        if labels is None:
            return {"logits": logits}
        return {"loss": nn.functional.cross_entropy(logits.transpose(1, 2), labels), "logits": logits}


class AutoModelForTextReversal:
    """Stands in for a class of transformers."""

    @staticmethod
    def from_config(config: LstmConfig) -> LstmForTextReversal:
        return LstmForTextReversal(config)

    @staticmethod
    def from_pretrained(folder: Path, **options: Any) -> Any:
        return LstmForTextReversal.from_pretrained(folder, output_loading_info=options["output_loading_info"])


@dataclass
class Texts:
    splits: DatasetDict

    def describe(self) -> dict[str, Any]:
        return {"text_column": ["text"], "counts": {name: {"rows": len(rows)} for name, rows in self.splits.items()}}


class ReverseTheText(Task):
    """Each text backwards, word by word."""

    name: ClassVar[str] = "reverse-the-text"
    auto_class: ClassVar[str] = "AutoModelForTextReversal"
    columns: ClassVar[tuple[str, ...]] = ("text",)

    @classmethod
    def load(cls, arguments: Any) -> Texts:
        random = np.random.default_rng(0)
        rows = Dataset.from_dict({"text": [" ".join(random.choice(list("abcdef"), 4)) for _ in range(ROWS)]})
        return Texts(DatasetDict(dict.fromkeys(("train", "validation", "test"), rows)))

    @classmethod
    def load_split(cls, record: Mapping[str, Any], arguments: Any) -> Texts:
        return cls.load(None)

    @classmethod
    def from_data(cls, data: Any) -> "ReverseTheText":
        return cls()

    @classmethod
    def from_record(cls, described: Mapping[str, Any]) -> "ReverseTheText":
        return cls()

    def describe(self) -> dict[str, Any]:
        return {"name": self.name}

    def config_fields(self) -> dict[str, Any]:
        return {}

    def encode(self, rows: Dataset, name: str, tokenizer: Any, max_length: int) -> TokenizedSplit:
        split = tokenize(rows, name, tokenizer, max_length)
        return TokenizedSplit(
            split.rows.map(lambda row: {"labels": row["input_ids"][::-1]}, load_from_cache_file=False), split.statistics
        )

    def collator(self, tokenizer: Any) -> Any:
        return DataCollatorForTokenClassification(tokenizer)

    @property
    def default_metric(self) -> str:
        return "accuracy"

    def metric_names(self) -> list[str]:
        return ["accuracy"]

    def scores(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        return {"accuracy": float((predictions.argmax(-1) == references).mean())}

    def evaluate(self, predictions: np.ndarray, references: np.ndarray, resamples: int, seed: int) -> dict[str, Any]:
        return {"scores": self.scores(predictions, references), "intervals": {}}

    @classmethod
    def predictor(cls, model: Any, tokenizer: Any) -> Any:
        def reverse(text: str) -> str:
            logits = model(**tokenizer(text, return_tensors="pt"))["logits"]
            return " ".join(tokenizer.convert_ids_to_tokens(logits[0].argmax(-1)))

        return reverse

    def card(self, record: Mapping[str, Any], examples: list[tuple[str, Any]]) -> dict[str, Any]:
        return {"does": "reads a text backwards", "calls": "reverse('a b')"}


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> type[Task]:
    monkeypatch.setitem(TASKS, "another", ReverseTheText)  # so that what is registered is forgotten again
    monkeypatch.setattr("transformers.AutoModelForTextReversal", AutoModelForTextReversal, raising=False)
    yield register_task(ReverseTheText)
    del TASKS[ReverseTheText.name]


def test_a_task_in_one_file_is_trained_evaluated_saved_and_opened(registered: type[Task], tmp_path: Path) -> None:
    folder = tmp_path / "run"
    job = TrainingJob(
        task="reverse-the-text",
        dataset="order-matters",
        output_dir=folder,
        embedding_size=16,
        hidden_size=32,
        min_frequency=1,
        max_steps=60,
        eval_strategy="steps",
        eval_steps=60,
        save_strategy="steps",
        save_steps=60,
        per_device_train_batch_size=10,
        learning_rate=0.02,
        word_dropout=0.0,
        embedding_dropout=0.0,
        use_cpu=True,
        disable_tqdm=True,
    )
    record = job.run()
    assert record["task"] == {"name": "reverse-the-text", "auto_class": "AutoModelForTextReversal"}
    assert record["metrics"]["validation"]["accuracy"] > 0.9  # by chance a sixth
    assert "--task reverse-the-text" in str(record["command"])
    assert isinstance(task_of(read_record(folder)), ReverseTheText)
    result = evaluate(str(folder), split="test")
    assert result["scores"] == {"accuracy": pytest.approx(record["metrics"]["validation"]["accuracy"])}
    model, _ = load_run(str(folder))
    assert isinstance(model, LstmForTextReversal)
    text = ReverseTheText.load(None).splits["test"]["text"][0]
    assert open_predictor(str(folder))(text) == " ".join(text.split()[::-1])
    card = make_card(read_record(folder), "me/reversal")
    assert "that reads a text backwards" in card and "pipeline_tag: reverse-the-text" in card


def test_names_of_tasks(registered: type[Task]) -> None:
    assert task_class("reverse-the-text") is ReverseTheText and register_task(ReverseTheText) is ReverseTheText
    with pytest.raises(ValueError, match="There is a task 'reverse-the-text' already"):
        register_task(type("Another", (ReverseTheText,), {}))
    with pytest.raises(InputError, match="Unknown task 'fly' for --task: choose one of text-classification"):
        task_class("fly")
