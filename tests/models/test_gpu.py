"""The models on a GPU: the same answers as on the processor, with and without padding, trained, evaluated and asked."""

from pathlib import Path

import pytest
import torch

from modeling_lstm import LstmConfig, LstmForCausalLM
from modeling_lstm.cli import main
from modeling_lstm.runs.record import read_record
from tests.conftest import TRAIN_FLAGS, opinion_rows, tiny_model, write_csv

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="There is no GPU.")
ON_A_GPU = TRAIN_FLAGS[:-2]  # without --use_cpu true


@pytest.fixture(autouse=True)
def full_precision() -> None:
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("num_hidden_layers", [1, 2])
@pytest.mark.parametrize("pooling", ["last", "mean", "max", "concat", "attention"])
def test_a_gpu_gives_the_answers_of_a_processor(
    cell_type: str, bidirectional: bool, num_hidden_layers: int, pooling: str
) -> None:
    model = tiny_model(
        cell_type=cell_type, bidirectional=bidirectional, num_hidden_layers=num_hidden_layers, pooling=pooling
    )
    ids = torch.randint(2, 27, (7, 13))
    mask = (torch.arange(13) < torch.tensor([[13], [1], [5], [9], [2], [13], [7]])).long()
    labels = torch.tensor([0, 1, 2, 0, 1, 2, 0])
    expected = model(input_ids=ids * mask, attention_mask=mask, labels=labels)
    expected.loss.backward()
    gradients = {name: one.grad.clone() for name, one in model.named_parameters()}
    model.zero_grad()
    model.cuda()
    batch = {"input_ids": (ids * mask).cuda(), "attention_mask": mask.cuda(), "labels": labels.cuda()}
    model.lstm.encoder.train()  # cuDNN differentiates in training mode only
    found = model(**batch)
    found.loss.backward()
    assert torch.allclose(found.logits.cpu(), expected.logits, atol=1e-5)
    for name, one in model.named_parameters():
        assert torch.allclose(one.grad.cpu(), gradients[name], atol=1e-5), name
    model.eval()
    for row, length in enumerate(mask.sum(dim=1).tolist()):
        alone = model(input_ids=ids[row : row + 1, :length].cuda()).logits.cpu()
        assert torch.allclose(alone[0], expected.logits[row], atol=1e-5)


@pytest.mark.parametrize("more", [[], ["--bf16", "true"], ["--cell_type", "gru"], ["--adversarial_size", "0.25"]])
def test_a_run_is_trained_evaluated_and_asked(more: list[str], data_folder: Path, tmp_path: Path) -> None:
    flags = [*ON_A_GPU, "--num_train_epochs", "8", "--learning_rate", "0.02", "--embedding_range", "0.5", *more]
    folder = tmp_path / "run"
    assert main(["train", "--dataset", str(data_folder), "--output_dir", str(folder), *flags]) == 0
    record = read_record(folder)
    assert record["metrics"]["validation"]["accuracy"] > 0.9 and "gpu" in record["hardware"]
    assert main(["evaluate", str(folder), "--split", "test"]) == 0
    answers = tmp_path / "answers.csv"
    asked = write_csv(tmp_path / "asked.csv", opinion_rows(50))
    assert main(["predict", str(folder), "--input", str(asked), "--output", str(answers)]) == 0
    assert len(answers.read_text(encoding="utf-8").splitlines()) == 51


def test_a_masked_language_model_is_trained_evaluated_and_asked(tmp_path: Path) -> None:
    text = write_csv(tmp_path / "text.csv", [(one,) for one, _ in opinion_rows(150)], ("text",))
    given = ["pretrain", "--task", "fill-mask", "--dataset", str(text), "--output_dir", str(tmp_path / "lm")]
    flags = "--embedding_size 8 --hidden_size 10 --min_frequency 1 --per_device_train_batch_size 4 --block_size 10"
    assert main([*given, *flags.split(), "--num_train_epochs", "20", "--learning_rate", "0.02"]) == 0
    assert read_record(tmp_path / "lm")["metrics"]["validation"]["perplexity"] < 5
    assert main(["evaluate", str(tmp_path / "lm"), "--split", "validation"]) == 0
    assert main(["predict", str(tmp_path / "lm"), "the [MASK] was great"]) == 0


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
def test_a_language_model_of_two_directions_predicts_as_on_a_processor(cell_type: str) -> None:
    torch.manual_seed(0)
    sizes = {"vocab_size": 27, "embedding_size": 6, "hidden_size": 8, "num_hidden_layers": 2}
    model = LstmForCausalLM(LstmConfig(cell_type=cell_type, bidirectional=True, **sizes)).eval()
    ids = torch.randint(2, 27, (3, 9))
    expected = [model(ids, backward=backward).logits for backward in (False, True)]
    model.cuda()
    for backward, logits in zip((False, True), expected, strict=True):
        assert torch.allclose(model(ids.cuda(), backward=backward).logits.cpu(), logits, atol=1e-5)


def test_the_recurrence_stays_in_fp32_beside_bf16() -> None:
    """Autocast would run it in fp16, in which small gradients vanish."""
    model, ids = tiny_model().cuda().train(), torch.randint(2, 27, (3, 9)).cuda()
    with torch.autocast("cuda", torch.bfloat16):
        found = model.lstm.encoder(model.lstm.word_embeddings(ids), None)[0][-1]
    assert found.dtype == torch.float32
