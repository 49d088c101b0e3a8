"""Loading a run without this package: a fresh process, outside the repository, by `trust_remote_code=True`."""

import json
import subprocess
from pathlib import Path

import pytest
from transformers import pipeline

from modeling_lstm.runs.run_folders import load_run
from tests.conftest import opinion_rows
from tests.interpreters import run_program

SCRIPT = """
import json, sys
import transformers
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder, texts = sys.argv[1], json.loads(sys.argv[2])
trusted = {"trust_remote_code": True}
model = AutoModelForSequenceClassification.from_pretrained(folder, **trusted)
tokenizer = AutoTokenizer.from_pretrained(folder, **trusted)
config = AutoConfig.from_pretrained(folder, **trusted)
assert not any(name.split(".")[0] == "modeling_lstm" for name in sys.modules), "the package was imported"
assert type(model).__module__.startswith("transformers_modules."), type(model)
classify = pipeline("text-classification", model=folder, tokenizer=folder, **trusted)
one = [answer["score"] for answer in classify(texts, batch_size=1)]
many = [answer["score"] for answer in classify(texts, batch_size=8)]
print(json.dumps([one, many, config.model_type]))
"""


def run_outside(script: str, folder: Path, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script in an empty folder with an empty cache; `-I` keeps the repository off its path."""
    home.mkdir(exist_ok=True)
    environment = {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1", "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
    return run_program(script, str(folder), *arguments, folder=home, environment=environment, isolated=True)


def test_a_run_loads_without_the_package(trained: Path, tmp_path: Path) -> None:
    texts = [text for text, _ in opinion_rows(20)]
    found = run_outside(SCRIPT, trained, tmp_path / "home", json.dumps(texts))
    assert found.returncode == 0, found.stderr
    one, many, model_type = json.loads(found.stdout.strip().splitlines()[-1])
    model, tokenizer = load_run(str(trained))
    expected = [row["score"] for row in pipeline("text-classification", model=model, tokenizer=tokenizer)(texts)]
    assert one == pytest.approx(expected, abs=1e-5)
    assert many == pytest.approx(expected, abs=1e-5)
    assert model_type == "lstm"


def test_remote_code_runs_only_when_asked_for(trained: Path, tmp_path: Path) -> None:
    script = (
        "import sys; from transformers import AutoModelForSequenceClassification as A; A.from_pretrained(sys.argv[1])"
    )
    found = run_outside(script, trained, tmp_path / "home")
    assert found.returncode != 0
    assert "trust_remote_code=True" in found.stderr


def test_the_base_model_loads_too(tmp_path: Path) -> None:
    from modeling_lstm import LstmModel
    from tests.conftest import tiny_config

    LstmModel(tiny_config()).save_pretrained(tmp_path / "base")
    script = (
        "import sys, torch; from transformers import AutoModel, AutoModelForSequenceClassification as Classifier; "
        "assert Classifier.from_pretrained(sys.argv[1], trust_remote_code=True).lstm; "
        "m = AutoModel.from_pretrained(sys.argv[1], trust_remote_code=True); "
        "print(type(m).__name__, tuple(m(torch.ones(2, 3).long()).pooler_output.shape))"
    )
    found = run_outside(script, tmp_path / "base", tmp_path / "home")
    assert found.returncode == 0, found.stderr
    assert found.stdout.strip().endswith("LstmModel (2, 5)")


def test_a_language_model_writes_without_the_package(tmp_path: Path) -> None:
    import torch

    from modeling_lstm import LstmConfig, LstmForCausalLM

    torch.manual_seed(0)
    config = LstmConfig(vocab_size=40, embedding_size=6, hidden_size=8, tie_word_embeddings=True, eos_token_id=1)
    model = LstmForCausalLM(config).eval()
    model.save_pretrained(tmp_path / "lm")
    script = (
        "import sys, torch; from transformers import AutoModelForCausalLM; "
        "m = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True); "
        "assert not any(name.split('.')[0] == 'modeling_lstm' for name in sys.modules); "
        "print(m.generate(torch.tensor([[5, 6]]), max_new_tokens=6, do_sample=False, num_beams=2)[0].tolist())"
    )
    found = run_outside(script, tmp_path / "lm", tmp_path / "home")
    assert found.returncode == 0, found.stderr
    expected = model.generate(torch.tensor([[5, 6]]), max_new_tokens=6, do_sample=False, num_beams=2)[0].tolist()
    assert json.loads(found.stdout.strip().splitlines()[-1]) == expected
    script = (  # labels are smoothed of the next token
        "import sys, torch; from transformers import AutoModelForCausalLM, Trainer, TrainingArguments; "
        "m = AutoModelForCausalLM.from_pretrained(sys.argv[1], trust_remote_code=True).eval(); "
        "ids = torch.tensor([[5, 6, 7, 8]]); "
        "args = [TrainingArguments('out', use_cpu=True, label_smoothing_factor=x) for x in (0.0, 1e-9)]; "
        "losses = [Trainer(m, one).compute_loss(m, {'input_ids': ids, 'labels': ids}) for one in args]; "
        "torch.testing.assert_close(*losses)"
    )
    found = run_outside(script, tmp_path / "lm", tmp_path / "home")
    assert found.returncode == 0, found.stderr
    script = (
        "import sys, torch; from transformers import AutoModel, AutoModelForSequenceClassification as Classifier; "
        "trusted = dict(trust_remote_code=True); "
        "m = AutoModel.from_pretrained(sys.argv[1], **trusted); "
        "print(type(m).__name__, m(torch.tensor([[5, 6]])).last_hidden_state.shape[-1]); "
        "m = Classifier.from_pretrained(sys.argv[1], num_labels=3, **trusted); "
        "print(type(m).__name__, m(torch.tensor([[5, 6]])).logits.shape[-1])"
    )
    found = run_outside(script, tmp_path / "lm", tmp_path / "home")
    assert found.stdout.split() == ["LstmModel", "8", "LstmForSequenceClassification", "3"], found.stderr
