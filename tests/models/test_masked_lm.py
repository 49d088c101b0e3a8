"""The masked language model: what it predicts, its loss, and that everybody can open it."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from torch.nn import functional as F
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
    pipeline,
)

from modeling_lstm import LstmConfig, LstmForMaskedLM, LstmForSequenceClassification, LstmModel, LstmTokenizer
from tests.models.test_remote_code import run_outside

pytestmark = pytest.mark.numeric

KINDS = [("lstm", 1), ("gru", 2)]


def masked_model(**changes: Any) -> LstmForMaskedLM:
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"vocab_size": 31, "embedding_size": 6, "hidden_size": 8, "tie_word_embeddings": True}
    return LstmForMaskedLM(LstmConfig(**({**sizes, "bidirectional": True} | changes))).eval()


def token_ids(rows: int, tokens: int) -> torch.Tensor:
    return torch.randint(2, 31, (rows, tokens), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("cell_type", "layers"), KINDS)
@pytest.mark.parametrize("is_tied", [True, False])
def test_a_token_is_predicted_from_both_sides(cell_type: str, layers: int, is_tied: bool) -> None:
    model = masked_model(cell_type=cell_type, num_hidden_layers=layers, tie_word_embeddings=is_tied)
    assert (model.lm_head.weight is model.lstm.word_embeddings.weight) == is_tied
    ids = token_ids(2, 7)
    logits = model(ids).logits
    assert logits.shape == (2, 7, 31)
    for place in (0, 6):  # before and after the third token
        changed = ids.clone()
        changed[:, place] = 2 + (ids[:, place] - 1) % 29
        assert not torch.allclose(model(changed).logits[:, 3], logits[:, 3], atol=1e-5)


def test_padding_changes_nothing() -> None:
    model, ids = masked_model(), token_ids(1, 5)
    expected = model(ids).logits
    for before, after in ((0, 3), (2, 0)):
        padded = F.pad(ids, (before, after))
        mask = F.pad(torch.ones_like(ids), (before, after))
        found = model(padded, attention_mask=mask).logits[:, before : before + 5]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_that_of_the_chosen_tokens() -> None:
    model, ids = masked_model(), token_ids(3, 6)
    labels = torch.full_like(ids, -100)
    labels[0, 2], labels[2, 5] = 7, 9
    found = model(ids, labels=labels)
    assert torch.equal(model(ids, labels=labels.int()).loss, found.loss)
    expected = F.cross_entropy(found.logits.flatten(0, 1), labels.flatten(), ignore_index=-100)
    torch.testing.assert_close(found.loss, expected, rtol=1e-4, atol=1e-6)
    trained = model.train()(ids, labels=labels)  # without dropout
    assert trained.logits is None
    torch.testing.assert_close(trained.loss, expected, rtol=1e-4, atol=1e-6)
    trained.loss.backward()
    assert all(bool(one.grad.abs().sum() > 0) for one in model.parameters() if one.grad is not None)
    assert model(ids, labels=torch.full_like(ids, -100)).loss.item() == 0.0
    assert model(ids).logits is not None, "without labels there are always logits"


def test_what_cannot_be_used_is_told() -> None:
    with pytest.raises(ValueError, match="reads in both directions: set bidirectional=True"):
        masked_model(bidirectional=False)
    with pytest.raises(ValueError, match="has a full softmax, found softmax='sampled'"):
        masked_model(softmax="sampled")
    assert masked_model()(token_ids(2, 0), labels=token_ids(2, 0)).logits.shape == (2, 0, 31)
    with pytest.raises(ValueError, match=r"labels must have the shape \(batch, tokens\) = \(1, 5\).*found \(1, 4\)"):
        masked_model()(token_ids(1, 5), labels=token_ids(1, 4))


@pytest.mark.parametrize("is_tied", [True, False])
def test_saved_and_opened_by_any_class(tmp_path: Path, is_tied: bool) -> None:
    model, ids = masked_model(tie_word_embeddings=is_tied), token_ids(2, 5)
    model.resize_token_embeddings(33)
    model.save_pretrained(tmp_path)
    opened = AutoModelForMaskedLM.from_pretrained(tmp_path)
    assert type(opened) is LstmForMaskedLM
    torch.testing.assert_close(opened(ids).logits, model(ids).logits)
    base = AutoModel.from_pretrained(tmp_path)
    assert type(base) is LstmModel
    torch.testing.assert_close(base(ids).last_hidden_state, model.lstm(ids).last_hidden_state)
    classifier = AutoModelForSequenceClassification.from_pretrained(tmp_path, num_labels=3)
    assert type(classifier) is LstmForSequenceClassification
    assert torch.equal(classifier.lstm.word_embeddings.weight, model.lstm.word_embeddings.weight)


TEXTS = ["the film was great .", "the film was n't good , it was bad .", "I liked it !"]


@pytest.mark.parametrize("algorithm", ["word", "bpe", "wordpiece", "unigram"])
def test_the_tokenizer_has_a_mask(tmp_path: Path, algorithm: Any) -> None:
    made = LstmTokenizer.train(TEXTS * 3, algorithm=algorithm, vocab_size=120, mask=True)
    made.save_pretrained(tmp_path)
    for tokenizer in (made, AutoTokenizer.from_pretrained(tmp_path)):
        assert tokenizer.convert_ids_to_tokens([0, 1, 2, 3]) == ["[PAD]", "[UNK]", "[EOS]", "[MASK]"]
        assert (tokenizer.mask_token_id, tokenizer.eos_token_id, tokenizer.padding_side) == (3, 2, "right")
        ids = tokenizer("the film was [MASK].")["input_ids"]
        assert ids[0] == ids[-1] == 2 and ids.count(3) == 1 and 1 not in ids
        assert tokenizer("a", "b")["input_ids"].count(2) == 3
        assert tokenizer.decode(tokenizer(TEXTS[1])["input_ids"], skip_special_tokens=True) == (
            "the film wasn't good, it was bad."
        )


def test_it_fills_masks_without_the_package(tmp_path: Path) -> None:
    tokenizer = LstmTokenizer.train(TEXTS * 3, mask=True)
    model = masked_model(vocab_size=len(tokenizer))
    folder = tmp_path / "lm"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    fill = pipeline("fill-mask", model=str(folder), top_k=3)
    assert type(fill.model) is LstmForMaskedLM
    expected = fill("the film was [MASK].")
    assert expected[0]["sequence"].startswith("the film was ") and len(expected) == 3
    script = (
        "import json, sys; from transformers import AutoModel, AutoModelForSequenceClassification, pipeline; "
        "trusted = dict(trust_remote_code=True); "
        "fill = pipeline('fill-mask', model=sys.argv[1], top_k=3, **trusted); "
        "assert not any(name.split('.')[0] == 'modeling_lstm' for name in sys.modules); "
        "others = [kind.from_pretrained(sys.argv[1], **trusted) for kind in (AutoModel, "
        "AutoModelForSequenceClassification)]; "
        "print(json.dumps([fill('the film was [MASK].'), [type(one).__name__ for one in others]]))"
    )
    done = run_outside(script, folder, tmp_path / "home")
    assert done.returncode == 0, done.stderr
    found, others = json.loads(done.stdout.strip().splitlines()[-1])
    assert [one["token"] for one in found] == [one["token"] for one in expected]
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in expected], rel=1e-4)
    assert others == ["LstmModel", "LstmForSequenceClassification"]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_plain_trainer_trains_it(tmp_path: Path, smoothing: float) -> None:
    tokenizer = LstmTokenizer.train(TEXTS * 3, mask=True)
    rows = Dataset.from_dict(dict(tokenizer(TEXTS * 4)))
    settings: dict[str, Any] = {"per_device_train_batch_size": 4, "max_steps": 3, "report_to": "none", "use_cpu": True}
    trainer = Trainer(
        masked_model(vocab_size=len(tokenizer)),
        TrainingArguments(tmp_path, label_smoothing_factor=smoothing, disable_tqdm=True, **settings),
        train_dataset=rows,
        eval_dataset=rows,
        data_collator=DataCollatorForLanguageModeling(tokenizer, seed=0),
        processing_class=tokenizer,
    )
    assert trainer.model_accepts_loss_kwargs is False
    before = trainer.model.lstm.word_embeddings.weight.detach().clone()
    assert 0 < trainer.train().training_loss < 10
    assert not torch.equal(before, trainer.model.lstm.word_embeddings.weight)
    assert 0 < trainer.evaluate()["eval_loss"] < 10
