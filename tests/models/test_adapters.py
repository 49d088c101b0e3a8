"""Adapters of PEFT: LoRA on the word vectors, with or without the recurrence trained as a whole."""

from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import PreTrainedModel, Trainer, TrainingArguments

from modeling_lstm import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    LstmConfig,
    LstmForCausalLM,
    LstmForSequenceClassification,
)

SIZES: dict[str, Any] = {"vocab_size": 50, "embedding_size": 8, "hidden_size": 8}
IDS = torch.tensor([[3, 4, 5]])


def make_model(kind: str) -> PreTrainedModel:
    torch.manual_seed(0)
    if kind == "language model":
        return LstmForCausalLM(LstmConfig(**SIZES, eos_token_id=1))
    if kind == "bag of words":
        return BagOfWordsForSequenceClassification(BagOfWordsConfig(**SIZES, num_labels=2))
    return LstmForSequenceClassification(LstmConfig(**SIZES, num_labels=2))


@pytest.mark.parametrize(
    ("kind", "whole"),
    [("classifier", None), ("classifier", ["encoder"]), ("bag of words", None), ("language model", ["encoder"])],
)
def test_an_adapter_is_trained_saved_and_merged(kind: str, whole: list[str] | None, tmp_path: Path) -> None:
    task = "CAUSAL_LM" if kind == "language model" else "SEQ_CLS"
    adapter = LoraConfig(task_type=task, target_modules=["word_embeddings"], modules_to_save=whole)
    model: Any = get_peft_model(make_model(kind), adapter)
    before = make_model(kind).eval()(IDS).logits
    labels: list[Any] = [[3, 4, 5], [6, 7, 8]] if kind == "language model" else [0, 1]
    rows = Dataset.from_dict({"input_ids": [[3, 4, 5], [6, 7, 8]] * 4, "labels": labels * 4})
    args = TrainingArguments(
        str(tmp_path / "run"), max_steps=3, learning_rate=0.1, use_cpu=True, report_to="none", save_strategy="no"
    )
    Trainer(model, args, train_dataset=rows).train()
    after = model.eval()(IDS).logits
    assert not torch.allclose(after, before, atol=1e-3)

    model.save_pretrained(tmp_path / "adapter")
    again: Any = PeftModel.from_pretrained(make_model(kind), str(tmp_path / "adapter")).eval()
    torch.testing.assert_close(again(IDS).logits, after)
    merged = again.merge_and_unload()
    merged.save_pretrained(tmp_path / "merged")
    whole_model = type(make_model(kind)).from_pretrained(tmp_path / "merged").eval()
    torch.testing.assert_close(whole_model(IDS).logits, after)
    if kind == "language model":
        written = [one.generate(input_ids=IDS, max_new_tokens=5, do_sample=False) for one in (model, whole_model)]
        assert written[0].tolist() == written[1].tolist()


def test_a_part_of_the_recurrence_cannot_have_an_adapter() -> None:
    model: Any = get_peft_model(
        make_model("classifier"),
        LoraConfig(task_type="SEQ_CLS", target_modules=["word_embeddings"], modules_to_save=["rnn"]),
    )
    with pytest.raises(TypeError, match=r"Adapters can train `encoder` as a whole \(modules_to_save\)"):
        model(IDS)
