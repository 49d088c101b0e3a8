"""`export`: the same answers from ONNX Runtime, in a folder that needs no torch."""

import copy
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
import torch
from torch.onnx._internal.exporter._registration import onnxscript_apis
from transformers.exporters import OnnxRuntimeQuantizer
from transformers.exporters.exporter_dynamo import DynamoExporter

from modeling_lstm import (
    BagOfWordsConfig,
    BagOfWordsForSequenceClassification,
    LstmForSequenceClassification,
    LstmTokenizer,
)
from modeling_lstm.cli import main
from modeling_lstm.inference import exports, onnx_export
from modeling_lstm.inference.answering import open_predictor
from modeling_lstm.inference.arguments import ExportArguments
from modeling_lstm.inference.exports import find_export, run_digest
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.models.text_classifier import TextClassifier
from modeling_lstm.models.tokenization_lstm import TARGET
from modeling_lstm.runs.run_folders import load_run
from modeling_lstm.utils.errors import InputError
from tests.conftest import WORDS, opinion_rows, tiny_config, write_csv
from tests.models.test_remote_code import run_outside

MULTIPLYING = {"DynamicQuantizeLSTM", "MatMulInteger", "QLinearMatMul", "QGemm", "ConvInteger"}
TEXTS = [text for text, _ in opinion_rows(30)] + ["", "unheard of", "the " * 200]
FILES = {
    "model.onnx",
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "classify.py",
    "export.json",
    "run.json",
}
SOURCES = {"configuration_lstm.py"}
MASKS = np.array(
    [
        [1, 1, 0, 0, 1, 1],
        [0, 0, 0, 1, 1, 1],
        [1, 1, 1, 0, 0, 0],
        [0] * 6,
        [1] * 6,
        [0, 1, 0, 1, 0, 1],
        [0, 0, 0, 0, 1, 0],
    ]
)


@pytest.fixture(scope="module", autouse=True)
def _operators_listed_once() -> Iterator[None]:
    """The exporter of torch asks onnxscript for all of its operators in each export, which takes half a second."""
    with pytest.MonkeyPatch.context() as context:
        context.setattr(onnxscript_apis, "get_torchlib_ops", cache(onnxscript_apis.get_torchlib_ops))
        yield


@pytest.fixture(scope="module")
def exported(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported") / "onnx"
    assert main(["export", str(trained), str(folder)]) == 0
    return folder


@pytest.mark.numeric
def test_the_exported_model_gives_the_answers_of_the_run(
    trained: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {path.name for path in exported.iterdir()} == FILES | SOURCES
    ours, theirs = open_predictor(str(trained)), open_predictor(str(exported), "onnxruntime")
    for batch_size in (1, 7, 64):
        assert np.allclose(ours.scores(TEXTS, batch_size), theirs.scores(TEXTS, batch_size), atol=1e-4)
    source = write_csv(tmp_path / "in.csv", [(text,) for text in TEXTS], ("text",))
    command = ["predict", str(exported), "--backend", "onnxruntime", "--input", str(source), "--output"]
    assert main([*command, str(tmp_path / "out.jsonl")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["label"] for row in rows] == [answer["label"] for answer in ours(TEXTS)]


def test_it_runs_without_torch_and_transformers(exported: Path) -> None:
    program = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(('torch', 'transformers', 'modeling_lstm')));"
        "sys.argv = ['classify.py', 'the film was great', 'so awful'];"
        f"runpy.run_path({str(exported / 'classify.py')!r}, run_name='__main__')"
    )
    out = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    answers = [json.loads(line) for line in out.splitlines()]
    assert [answer["text"] for answer in answers] == ["the film was great", "so awful"]
    assert [answer["label"] for answer in answers] == ["positive", "negative"]


def test_predict_imports_neither_torch_nor_transformers_for_it(exported: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "in.csv", [("the film was great",), ("so awful",)], ("text",))
    commands = [
        ["--input", str(source), "--output", str(tmp_path / "out.parquet"), "--all_scores"],
        ["--input", str(source), "--output", str(tmp_path / "out.csv"), "--keep_columns", "all"],
        ["the film was great", "so awful"],
        ["--input", "-"],
    ]
    program = "import sys\nfrom modeling_lstm.cli import main\nsys.argv = ['modeling-lstm', *sys.argv[1:]]\n"
    program += "assert main() == 0\nprint({'torch', 'transformers', 'datasets'} & sys.modules.keys())"
    for one in commands:
        given = ["predict", str(exported), "--backend", "onnxruntime", *one]
        command = [sys.executable, "-c", program, *given]
        done = subprocess.run(command, check=True, capture_output=True, text=True, input="the film was great\nso awful")
        *rows, imported = done.stdout.splitlines()
        assert imported == "set()"
        assert "--output" in one or [row.split("\t")[0] for row in rows] == ["positive", "negative"]


@pytest.mark.parametrize("cell_type", ["lstm", "gru"])
@pytest.mark.parametrize(
    "changes",
    [
        {"pooling": "last", "bidirectional": False},
        {"pooling": "concat", "bidirectional": True, "num_hidden_layers": 2},
        {"pooling": "attention", "bidirectional": True, "problem_type": "multi_label_classification"},
        {"pooling": "mean", "num_labels": 1, "problem_type": "regression"},
    ],
)
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_every_kind_of_model(tmp_path: Path, cell_type: str, changes: dict, precision: str) -> None:
    torch.manual_seed(0)
    tokenizer = LstmTokenizer.from_words([word for words in WORDS.values() for word in words] + ["the", "film", "was"])
    config = tiny_config(cell_type=cell_type, hidden_size=16, vocab_size=len(tokenizer), **changes)
    model = LstmForSequenceClassification(config)
    torch.nn.init.normal_(model.classifier.weight, std=3.0)  # answers that differ
    model.save_pretrained(tmp_path / "run")
    tokenizer.save_pretrained(tmp_path / "run")
    found = export(str(tmp_path / "run"), str(tmp_path / "onnx"), ExportArguments(precision=precision))  # type: ignore[arg-type]
    assert found["largest_difference"] < (1e-4 if precision == "fp32" else 0.2)
    ours, theirs = open_predictor(str(tmp_path / "run")), open_predictor(str(tmp_path / "onnx"), "onnxruntime")
    expected, scores = ours.scores(TEXTS), theirs.scores(TEXTS)
    assert np.ptp(expected, axis=0).max() > 0.1
    assert np.allclose(expected, scores, atol=1e-4 if precision == "fp32" else 0.1)
    tolerance = 1e-4 if precision == "fp32" else 0.2 * max(1.0, np.abs(ours.raw_scores(TEXTS)).max())
    assert_the_same_for_every_mask(ours, theirs, len(tokenizer), tolerance)
    assert_products_fit_in_16_bits(tmp_path / "onnx" / "model.onnx", precision)


def assert_the_same_for_every_mask(ours: TextClassifier, theirs: TextClassifier, words: int, tolerance: float) -> None:
    """The padding may stand anywhere, and rows and tokens may be missing altogether."""
    ids = np.random.default_rng(0).integers(1, words, size=MASKS.shape)
    for mask in (MASKS, MASKS[3:4], *(np.zeros(shape, dtype=np.int64) for shape in ((2, 0), (0, 5), (0, 0), (1, 0)))):
        expected = ours.logits(ids[: mask.shape[0], : mask.shape[1]], mask)
        found = theirs.logits(ids[: mask.shape[0], : mask.shape[1]], mask)
        assert found.shape == expected.shape == (len(mask), len(ours.labels))
        assert np.allclose(found, expected, atol=tolerance)
    for texts in ([], [""], ["", ""]):
        assert np.allclose(theirs.scores(texts), ours.scores(texts), atol=0.1 if texts else 0.0)
        assert len(theirs(texts)) == len(texts)


def assert_products_fit_in_16_bits(path: Path, precision: str) -> None:
    """
    Without VNNI a processor adds two products of an unsigned and a signed byte in 16 bits, and cuts off what does not
    fit (VPMADDUBSW); the weights must be so small that nothing is.
    """
    graph = onnx.load(path).graph
    multiplied = {name for node in graph.node if node.op_type in MULTIPLYING for name in node.input}
    arrays = {one.name: onnx.numpy_helper.to_array(one) for one in graph.initializer if one.name in multiplied}
    weights = [array for array in arrays.values() if array.dtype == np.int8 and array.ndim > 1]
    assert (len(weights) > 0) == (precision == "int8")
    assert not any(array.dtype == np.uint8 and array.ndim > 1 for array in arrays.values())
    for array in weights:
        assert not any(overflows(array, axis) for axis in range(array.ndim) if array.shape[axis] > 1)


def overflows(weights: np.ndarray, axis: int) -> bool:
    """Whether VPMADDUBSW cuts off the sum of two neighbors along an axis at the largest activations, all 255."""
    first, second = (weights.take(range(n, weights.shape[axis] - 1 + n), axis).astype(np.int64) for n in (0, 1))
    sums = 255 * (first + second)
    return bool((sums != sums.clip(-(2**15), 2**15 - 1)).any())


def test_weights_of_8_bits_would_overflow() -> None:
    assert overflows(np.array([127, 127], dtype=np.int8), 0)
    assert overflows(np.array([-65, -65], dtype=np.int8), 0)
    assert not overflows(np.array([64, 64], dtype=np.int8), 0)


@pytest.mark.numeric
def test_a_bag_of_words_takes_every_mask_too(tmp_path: Path) -> None:
    tokenizer = LstmTokenizer.from_words([word for words in WORDS.values() for word in words])
    sizes = {"vocab_size": len(tokenizer), "embedding_size": 6, "hidden_size": 5}
    BagOfWordsForSequenceClassification(BagOfWordsConfig(**sizes)).save_pretrained(tmp_path / "run")
    tokenizer.save_pretrained(tmp_path / "run")
    export(str(tmp_path / "run"), str(tmp_path / "onnx"), ExportArguments())
    ours, theirs = open_predictor(str(tmp_path / "run")), open_predictor(str(tmp_path / "onnx"), "onnxruntime")
    assert_the_same_for_every_mask(ours, theirs, len(tokenizer), 1e-4)
    assert_it_opens_without_the_package(tmp_path / "onnx", tmp_path / "home", "BagOfWordsConfig")


def assert_it_opens_without_the_package(folder: Path, home: Path, name: str) -> None:
    """What Optimum does before it runs the graph, in a process that does not know this package."""
    script = (
        "import sys; from transformers import AutoConfig, AutoTokenizer\n"
        "config = AutoConfig.from_pretrained(sys.argv[1], trust_remote_code=True)\n"
        "batch = AutoTokenizer.from_pretrained(sys.argv[1])(['great', 'good fine'], padding=True)\n"
        "assert not any(name.split('.')[0] == 'modeling_lstm' for name in sys.modules)\n"
        "print(type(config).__name__, config.num_labels, *batch)"
    )
    found = run_outside(script, folder, home)
    assert found.returncode == 0, found.stderr
    labels = len(json.loads((folder / "config.json").read_text(encoding="utf-8"))["id2label"])
    assert found.stdout.split()[-4:] == [name, str(labels), "input_ids", "attention_mask"]


def test_the_configuration_names_only_files_that_are_there(exported: Path, tmp_path: Path) -> None:
    config = json.loads((exported / "config.json").read_text(encoding="utf-8"))
    assert config["auto_map"] == {"AutoConfig": "configuration_lstm.LstmConfig"}
    assert_it_opens_without_the_package(exported, tmp_path / "home", "LstmConfig")


def test_a_run_that_asks_for_hidden_states_gives_logits(run_copy: Path, tmp_path: Path) -> None:
    config = json.loads((run_copy / "config.json").read_text(encoding="utf-8"))
    (run_copy / "config.json").write_text(json.dumps(config | {"output_hidden_states": True}), encoding="utf-8")
    export(str(run_copy), str(tmp_path / "onnx"), ExportArguments())
    graph = onnx.load(tmp_path / "onnx" / "model.onnx").graph
    assert [one.name for one in graph.input] == ["input_ids", "attention_mask"]
    assert [one.name for one in graph.output] == ["logits"]


@pytest.mark.parametrize("package", ["torch", "onnxruntime"])
def test_a_package_that_is_too_old(
    trained: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    checker = DynamoExporter if package == "torch" else OnnxRuntimeQuantizer
    monkeypatch.setattr(checker, "min_versions", {package: "99.0"})
    error = fails("export", trained, tmp_path / "out")
    assert f"upgrade {package}>=99.0 (found " in error and "pip install --upgrade 'modeling-lstm[onnx]'" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.numeric
def test_int8_is_smaller(trained: Path, exported: Path, tmp_path: Path) -> None:
    assert main(["export", str(trained), str(tmp_path / "int8"), "--precision", "int8"]) == 0
    sizes = [(folder / "model.onnx").stat().st_size for folder in (exported, tmp_path / "int8")]
    assert sizes[1] < sizes[0]


def test_answers_of_each_kind() -> None:
    tokenizer = LstmTokenizer.from_words(["a", "b"]).backend_tokenizer

    def classifier(kind: str, labels: int) -> TextClassifier:
        def logits(input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
            assert (attention_mask.cumsum(axis=1) * attention_mask).max(axis=1).tolist() == attention_mask.sum(
                1
            ).tolist()
            return np.stack([(input_ids * attention_mask).sum(axis=1) - 2.5 * n for n in range(labels)], axis=1)

        names = {str(n): f"L{n}" for n in range(labels)}
        return TextClassifier(logits, tokenizer, {"id2label": names, "problem_type": kind}, max_length=3)

    texts = ["a", "", "b b b b b", "a b"]  # a is 2, b is 3; at most three tokens
    assert [row["score"] for row in classifier("regression", 1)(texts)] == [2.0, 0.0, 9.0, 5.0]
    several = classifier("multi_label_classification", 3)(texts)
    assert [row["label"] for row in several] == [["L0"], [], ["L0", "L1", "L2"], ["L0", "L1"]]
    assert several[2]["score"] == pytest.approx([1 / (1 + np.exp(-x)) for x in (9.0, 6.5, 4.0)])
    one = classifier("single_label_classification", 2)("b")
    assert one == [{"label": "L0", "score": pytest.approx(1 / (1 + np.exp(-2.5)))}]
    assert classifier("single_label_classification", 2)([]) == []
    for same in ("b", (text for text in ["b"]), np.array(["b"])):
        assert classifier("single_label_classification", 2)(same) == one
    assert classifier("regression", 1).scores("b b").tolist() == [[6.0]], "one text, not its letters"
    table = pd.DataFrame({"text": ["b"]})
    for wrong, found in ((None, "NoneType"), (b"x", "bytes"), (5, "int"), ({"a": "b"}, "dict"), (table, "DataFrame")):
        with pytest.raises(ValueError, match=rf"a list of strings, such as data\['text'\]; found {found}\."):
            classifier("regression", 1)(wrong)  # type: ignore[arg-type]
    for some, text in (([None], "1 .* None"), (["a", 5], "2 .* 5"), ([("a", "b")], r"1 .* \('a', 'b'\)")):
        with pytest.raises(ValueError, match=f"Text {text.replace('.*', 'must be a string, found')}"):
            classifier("regression", 1)(some)  # type: ignore[arg-type]
    assert classifier("", 1)("b")[0]["score"] == 3.0, "one output without a problem type is a number, as for the loss"


def test_it_is_sent_to_other_processes(exported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(exported.parent)
    classify = TextClassifier.from_onnx(exported.name)
    monkeypatch.chdir("/")
    texts = ["the film was great"] * 200
    expected = classify(texts)
    for one in (pickle.loads(pickle.dumps(classify)), copy.deepcopy(classify)):
        assert [row["label"] for row in one(texts)] == [row["label"] for row in expected]


def test_what_cannot_be_used(trained: Path, exported: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    assert "torch cannot run: leave out --backend" in fails("predict", exported, "a", "--backend", "torch")
    assert "has no model.onnx: create it with modeling-lstm export" in fails(
        "predict", trained, "a", "--backend", "onnxruntime"
    )
    assert "is a run: name another folder" in fails("export", trained, trained)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pytorch_model.bin").touch()
    assert "is not empty and holds no export of this package" in fails("export", trained, tmp_path / "other")
    assert "is not a local folder: name the folder to write" in fails("export", "me/reviews")
    assert "There is no run folder" in fails("export", "./nowhere", tmp_path / "out")
    (tmp_path / "model.onnx").write_text("a file")
    for inside in ("", "a/b"):
        message = fails("export", trained, tmp_path / "model.onnx" / inside)
        assert "model.onnx' is a file: name a folder" in message
    assert (tmp_path / "model.onnx").read_text() == "a file"
    assert not (tmp_path / "out").exists()
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in exported.iterdir():
        (broken / path.name).write_bytes(path.read_bytes()[: 300 if path.name == "model.onnx" else None])
    assert "cannot be loaded" in fails("predict", broken, "a", "--backend", "onnxruntime")


def test_a_run_is_answered_for_by_the_export_inside_it(
    trained: Path, tmp_path: Path, fails: Callable[..., str], capsys: pytest.CaptureFixture[str], caplog: Any
) -> None:
    run = tmp_path / "run"
    shutil.copytree(trained, run)
    assert find_export(str(run), "auto") is None
    assert main(["export", str(run)]) == 0 and f"MB in {run / 'onnx'}" in capsys.readouterr().out
    inside = str(run / "onnx")
    assert [find_export(str(run), backend) for backend in ("auto", "onnxruntime", "torch")] == [inside, inside, None]
    assert open_predictor(str(run))("the film was great") == open_predictor(inside)("the film was great")
    facts = json.loads((run / "onnx" / "export.json").read_text(encoding="utf-8"))
    assert facts["precision"] == "fp32" and facts["largest_difference"] < 1e-5
    with pytest.MonkeyPatch.context() as context:
        context.setattr(exports.importlib.util, "find_spec", lambda name: None)
        assert find_export(str(run), "auto") is None
    (run / "onnx" / "export.json").write_text(json.dumps(facts | {"precision": "int8"}), encoding="utf-8")
    with caplog.at_level("INFO"):
        assert find_export(str(run), "auto") is None, "int8 answers otherwise, so it is asked for"
    assert f"{inside!r} is in int8: it is used only with --backend onnxruntime." in caplog.text
    assert find_export(str(run), "onnxruntime") == inside
    for damaged in ('{"precision": "fp', "[]"):
        (run / "onnx" / "export.json").write_text(damaged, encoding="utf-8")
        assert find_export(str(run), "auto") is None
    (run / "onnx" / "export.json").write_text(json.dumps(facts), encoding="utf-8")
    (run / "model.safetensors").write_bytes(b"trained again")
    assert find_export(str(run), "auto") is None and "exported from weights or settings other than" in caplog.text
    assert "exported from weights or settings other than" in fails("predict", run, "a", "--backend", "onnxruntime")


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("config.json", "id2label", {"0": "bad", "1": "good"}),
        ("tokenizer_config.json", "model_max_length", 3),
        ("config.json", "pad_token_id", 1),
    ],
)
def test_an_export_does_not_answer_for_a_run_whose_settings_changed(
    run_copy: Path, name: str, key: str, value: Any
) -> None:
    export(str(run_copy))
    inside = str(run_copy / "onnx")
    settings = json.loads((run_copy / name).read_text(encoding="utf-8"))
    for changes, expected in (({"auto_map": {}, "transformers_version": "9"}, inside), ({key: value}, None)):
        (run_copy / name).write_text(json.dumps(settings | changes), encoding="utf-8")
        assert find_export(str(run_copy), "auto") == expected


def test_an_export_answers_for_a_run_in_shards(run_copy: Path, fails: Callable[..., str]) -> None:
    model, _ = load_run(str(run_copy))
    (run_copy / "model.safetensors").unlink()
    model.save_pretrained(run_copy, max_shard_size="1KB")
    assert len(list(run_copy.glob("*.safetensors"))) > 1
    assert "is a run: name another folder" in fails("export", run_copy, run_copy)
    export(str(run_copy))
    assert find_export(str(run_copy), "auto") == str(run_copy / "onnx")


def test_an_export_leaves_no_record_of_another_one(run_copy: Path, tmp_path: Path) -> None:
    folder = tmp_path / "exported"
    export(str(run_copy), folder)
    assert (folder / "run.json").is_file()
    (run_copy / "run.json").unlink()  # as in a folder that another Trainer saved
    export(str(run_copy), folder)
    assert not (folder / "run.json").exists()


def test_an_export_of_a_regression_is_compared_in_its_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"w{n}" for n in range(20)]
    tokenizer = LstmTokenizer.from_words(words)
    model = LstmForSequenceClassification(
        tiny_config(vocab_size=len(tokenizer), num_labels=1, target_mean=2_000.0, problem_type="regression")
    )
    for folder in (tmp_path / "run", tmp_path / "other"):
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    assert export(str(tmp_path / "run"))["largest_difference"] < 1e-4
    program = onnx_export._program

    def changed(model: Any, *arguments: Any, **options: Any) -> Any:
        model = copy.deepcopy(model)
        model.classifier.bias.data += 1.0  # a deviation, of which a mean of 2,000 makes little
        return program(model, *arguments, **options)

    monkeypatch.setattr(onnx_export, "_program", changed)
    with pytest.raises(InputError, match="The exported logits differ from the run's by .*: nothing was written"):
        export(str(tmp_path / "other"), precision="int8")


@pytest.mark.numeric
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_a_run_in_half_precision_is_exported_in_single(run_copy: Path, tmp_path: Path, dtype: torch.dtype) -> None:
    model, _ = load_run(str(run_copy))
    model.to(dtype).save_pretrained(run_copy)
    assert load_run(str(run_copy))[0].dtype == dtype
    assert export(str(run_copy), output_dir=str(tmp_path / "onnx"))["largest_difference"] < 1e-4


def test_an_export_is_told_from_a_damaged_run(exported: Path, tmp_path: Path, fails: Callable[..., str]) -> None:
    for command in (["evaluate", exported], ["explain", exported, "a film"]):
        assert "is an exported model, which only predict accepts: name the run that it was made from" in fails(*command)
    (tmp_path / "empty").mkdir()
    for command in (["export", tmp_path / "empty", tmp_path / "out"], ["explain", tmp_path / "empty", "a film"]):
        assert "empty' is not a run folder: it has no config.json" in fails(*command)
    (tmp_path / "empty" / "checkpoint-5").mkdir()
    assert "empty' did not finish: resume it with --resume_from_checkpoint last" in fails(
        "predict", tmp_path / "empty", "a"
    )


@pytest.mark.parametrize("missing", ["onnx_ir", "onnxruntime"])
def test_the_extra_is_named(
    trained: Path, tmp_path: Path, fails: Callable[..., str], monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    assert "pip install 'modeling-lstm[onnx]'" in fails("export", trained, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("model.onnx", True),
        ("pytorch_model-00001-of-00002.bin", True),
        (f"{TARGET}/tokenizer.json", True),
        ("README.md", False),
    ],
)
def test_a_digest_tells_models_apart_that_answer_differently(run_copy: Path, name: str, matters: bool) -> None:
    before = run_digest(run_copy)
    (run_copy / name).parent.mkdir(exist_ok=True)
    (run_copy / name).write_bytes(b"of another model")
    assert (run_digest(run_copy) != before) is matters
