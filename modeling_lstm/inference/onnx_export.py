"""Export a run to ONNX, in fp32 or int8: a folder that classifies without torch."""

import contextlib
import copy
import inspect
import logging
import shutil
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import MethodType
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from ..data.token_limits import text_limit
from ..models.recurrence_lstm import LstmEncoder, LstmLayer
from ..models.text_classifier import INPUTS, MODEL, TextClassifier
from ..models.text_rules import cuts_at_blanks
from ..runs.record import RECORD, name_run
from ..runs.run_folders import load_run, problem_type_of, run_folder, task_of_run
from ..tasks.base import TEXT_CLASSIFICATION
from ..utils.errors import InputError, first_line, require, require_extra
from ..utils.files import is_occupied, write_folder, write_json
from ..utils.settings import settings_of
from .arguments import ExportArguments
from .exports import EXPORTED, FACTS, SCRIPT, run_digest
from .torch_backend import reads_token_types, torch_classifier

logger = logging.getLogger(__name__)

# The largest difference from the run's logits, relative to the largest of them (or to 1), that an export may have
TOLERANCE = {"fp32": 1e-4, "int8": 0.2}
LONG = 512  # tokens of the longest row that is compared, unless training read fewer


def export(
    run: str | Path,
    output_dir: str | Path | None = None,
    arguments: ExportArguments | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """
    Write a run as ONNX with its tokenizer, its labels and a classifier that needs no torch.

    Args:
        run: Run folder or Hub id.
        output_dir: Folder to write. Defaults to `onnx` in the run folder, where `predict` finds it.
        arguments: Precision and revision, if they are not passed as keywords.
        settings: The fields of [`ExportArguments`]: `precision="int8"`, ...

    Returns:
        The `folder`, the `size_mb` of `model.onnx`, and the `largest_difference` between its logits and the run's,
        relative to the largest of the run's (or to 1).

    Raises:
        InputError: the run or the folder cannot be used, an extra is missing, or the exported model's answers differ.
    """
    run, arguments = name_run(run), settings_of(ExportArguments, arguments, settings)
    require(output_dir is not None or Path(run).is_dir(), f"{run!r} is not a local folder: name the folder to write.")
    folder = Path(run) / EXPORTED if output_dir is None else Path(output_dir)
    _check_folder(folder)
    _check_packages()
    import onnx_ir

    source = run_folder(run, arguments.revision)
    task = task_of_run(source, run)
    require(task.name == TEXT_CLASSIFICATION, f"{run!r} is a model for {task.name}: only classifiers can be exported.")
    model, tokenizer = load_run(source, name=run)
    model.float()  # ONNX models compute in fp32
    problem_type_of(model)  # raises if it cannot be known
    inputs = INPUTS[: 3 if reads_token_types(model, tokenizer) else 2]
    program = _program(model, inputs, quantize=arguments.precision == "int8")
    with write_folder(folder, last=RECORD) as temporary:
        onnx_ir.save(program, temporary / MODEL)
        _save_config(model.config, temporary)
        tokenizer.backend_tokenizer.save(str(temporary / "tokenizer.json"))
        settings = {
            "model_max_length": text_limit(model.config, tokenizer),
            "truncation_side": tokenizer.truncation_side,
            "pad_token": tokenizer.pad_token,
            "unk_token": tokenizer.unk_token,
            "cuts_at_blanks": cuts_at_blanks(tokenizer.backend_tokenizer),
        }
        write_json(temporary / "tokenizer_config.json", settings)
        shutil.copyfile(Path(inspect.getfile(TextClassifier)), temporary / SCRIPT)
        if (record := source / RECORD).is_file():
            shutil.copyfile(record, temporary / RECORD)
        difference = _difference(model, tokenizer, temporary)
        require(
            difference <= TOLERANCE[arguments.precision],
            f"The exported logits differ from the run's by {difference:.2g}: nothing was written.",
        )
        facts = {"precision": arguments.precision, "largest_difference": difference, "run": run_digest(source)}
        write_json(temporary / FACTS, facts)
        size = (temporary / MODEL).stat().st_size / 1e6
    if not record.is_file():
        (folder / RECORD).unlink(missing_ok=True)  # of another model that was exported there before
    return {"folder": str(folder), "size_mb": round(size, 3), "largest_difference": difference}


def _check_folder(folder: Path) -> None:
    """Raise unless the folder is new or empty, or holds an older export."""
    require(not any(folder.glob("*.safetensors")), f"{str(folder)!r} is a run: name another folder.")
    is_free = not folder.is_dir() or (folder / FACTS).is_file() or not is_occupied(folder)
    require(is_free, f"{str(folder)!r} is not empty and holds no export of this package: name another folder.")


def _check_packages() -> None:
    """Raise [`InputError`] if a package that exporting needs is missing or too old."""
    with require_extra("onnx", "Exporting needs onnx-ir and onnxruntime"):
        import onnx_ir  # noqa: F401
        import onnxruntime  # noqa: F401
    try:
        from transformers.exporters import ExportFormat, OnnxRuntimeQuantizer
        from transformers.exporters.exporter_onnx import OnnxExporter

        with _quiet():  # both check their own requirements
            OnnxExporter()
            OnnxRuntimeQuantizer().validate_environment(ExportFormat.ONNX)
    except ImportError as error:
        cause = first_line(error).rstrip(".")
        raise InputError(
            f"The installed packages cannot export: {cause}. Run pip install --upgrade 'modeling-lstm[onnx]'."
        ) from error


def _save_config(config: Any, folder: Path) -> None:
    """
    Write `config.json` with every setting, so that a reader needs no defaults.

    If transformers does not know the model's type, the source of its configuration is saved beside the file, which
    refers to it. `AutoConfig` then opens the folder with `trust_remote_code=True` and without this package. The file
    names no model class, since the weights are in the graph.
    """
    config = copy.deepcopy(config)
    config.auto_map = {}
    config.save_pretrained(folder)
    if not config.auto_map:
        del config.auto_map
    config.to_json_file(folder / "config.json", use_diff=False)


def _program(model: PreTrainedModel, inputs: Sequence[str], *, quantize: bool) -> Any:
    """Build the ONNX graph with these inputs, using the exporter of `transformers`."""
    from transformers.exporters import OnnxConfig, OnnxRuntimeDynamicConfig, OnnxRuntimeQuantizer
    from transformers.exporters.exporter_onnx import OnnxExporter

    model = copy.deepcopy(model).cpu().float().eval()
    model.config.output_hidden_states, model.config.return_dict = False, True  # the graph returns only the logits
    for module in model.modules():
        if isinstance(module, LstmEncoder):
            _use_onnx_operators(module)
    mask = torch.tensor([[1] * 7, [1] * 4 + [0] * 3, [1] * 2 + [0] * 5])
    sample: dict[str, Any] = {name: mask.clone() for name in inputs}
    # Without VNNI, a processor adds two products of an unsigned activation and a signed weight in 16 bits, which
    # silently overflow with weights of 8 bits. With weights of 7 bits, they do not: 2 * 255 * 64 < 2**15.
    settings = OnnxRuntimeDynamicConfig(per_channel=True, reduce_range=True)
    quantizer = OnnxRuntimeQuantizer(settings) if quantize else None
    with _quiet():
        exported = OnnxExporter().export(model, sample, config=OnnxConfig(dynamic=True, quantizer=quantizer))
    _take_empty_batches(exported.program.graph)
    return exported.program


def _take_empty_batches(graph: Any) -> None:
    """
    Let the graph accept zero rows and zero tokens, which ONNX Runtime's LSTM and GRU do not.

    If there are none, the inputs are padded to one, and a row that was added is removed from the output.
    """
    import onnx_ir

    def numbers(*values: int) -> Any:
        return front.op("Constant", [], {"value_ints": values})

    front = onnx_ir.tape.Tape()
    first, logits = graph[0], graph.outputs[0]
    users = {value: tuple(value.uses()) for value in graph.inputs}
    sizes = front.op("Shape", [graph.inputs[0]])
    missing = front.op("Max", [front.op("Sub", [numbers(1, 1), sizes]), numbers(0, 0)])
    pads = front.op("Concat", [numbers(0, 0), missing], {"axis": 0})
    rows = front.op("Shape", [graph.inputs[0]], {"start": 0, "end": 1})
    begin = numbers(0)
    for value, uses in users.items():
        padded = front.op("Pad", [value, pads])
        for node, index in uses:
            node.replace_input_with(index, padded)
    graph.insert_before(first, front.nodes)
    kept = onnx_ir.Value(name=logits.name, shape=logits.shape, type=logits.type)
    logits.name = f"{logits.name}_with_padding"
    graph.outputs[0] = onnx_ir.tape.Tape(graph).op("Slice", [logits, begin, rows], output=kept)


def _use_onnx_operators(encoder: LstmEncoder) -> None:
    """
    Compute the recurrence with ONNX's own LSTM or GRU operator, which takes the length of each row.

    Torch's would be exported with a fixed number of tokens. ONNX orders the gates of an LSTM as i, o, f, c and those of
    a GRU as z, r, h; torch orders them as i, f, g, o and r, z, n.
    """
    rnn = encoder.rnn
    order = (0, 3, 1, 2) if isinstance(rnn, nn.LSTM) else (1, 0, 2)
    directions = 2 if rnn.bidirectional else 1
    for number, layer in enumerate(encoder.layers):
        weights: dict[str, list[torch.Tensor]] = {"input": [], "recurrent": [], "bias": []}
        for one in rnn.all_weights[directions * number : directions * (number + 1)]:
            w_ih, w_hh, b_ih, b_hh = (torch.cat([weight.chunk(len(order))[gate] for gate in order]) for weight in one)
            weights["input"].append(w_ih)
            weights["recurrent"].append(w_hh)
            weights["bias"].append(torch.cat([b_ih, b_hh]))
        for name, parts in weights.items():
            layer.register_buffer(f"onnx_{name}", torch.stack(parts).detach())
        layer.forward = MethodType(_onnx_layer, layer)


def _onnx_layer(
    layer: LstmLayer, states: torch.Tensor, mask: torch.Tensor, h: None, c: None, *weights: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor | None]:
    """Compute [`LstmLayer.forward`] with ONNX's operator. The tokens of each row start at the left."""
    batch, tokens = states.shape[:2]
    directions = len(weights) // 4
    final = (directions, batch, layer.hidden_size)
    attributes: dict[str, Any] = {
        "hidden_size": layer.hidden_size,
        "direction": "bidirectional" if directions == 2 else "forward",
    }
    if not layer.is_lstm:
        attributes["linear_before_reset"] = 1  # as in cuDNN and PyTorch
    outputs = torch.onnx.ops.symbolic_multi_out(
        "LSTM" if layer.is_lstm else "GRU",
        (
            states.transpose(0, 1),
            *(getattr(layer, f"onnx_{name}") for name in ("input", "recurrent", "bias")),
            mask.sum(dim=1).to(torch.int32),
        ),
        attributes,
        dtypes=[torch.float32] * (3 if layer.is_lstm else 2),
        shapes=[(tokens, directions, batch, layer.hidden_size), *[final] * (2 if layer.is_lstm else 1)],
        version=18,
    )
    return outputs[0].permute(2, 0, 1, 3).flatten(2), outputs[1], outputs[2] if layer.is_lstm else None


def _difference(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> float:
    """
    Return the largest difference between the logits of the run and of the exported model, relative to the largest logit
    (or to 1). The inputs are rows of random tokens, among them long ones, with padding at the right, at the left and in
    between. For a regression, the logits are compared in standard deviations of the targets.
    """
    theirs, ours = TextClassifier.from_onnx(folder), torch_classifier(model, tokenizer)
    rng = np.random.default_rng(0)
    found: list[np.ndarray] = []
    expected: list[np.ndarray] = []
    long = min(text_limit(model.config, tokenizer) or LONG, LONG)
    for rows, tokens in ((1, 1), (1, 20), (4, 1), (5, 33), (1, long)):
        lengths = rng.integers(0, tokens + 1, size=rows)
        lengths[0] = tokens
        right = np.arange(tokens) < lengths[:, None]
        between = rng.random(right.shape) < 0.5
        between[-1] = False
        for mask in (right, right[:, ::-1], between):
            input_ids = np.where(mask, rng.integers(1, len(tokenizer), size=mask.shape), ours.pad_token_id)
            inputs = [input_ids, mask.astype(np.int64)]
            if ours.reads_token_types:
                inputs.append((mask & (np.arange(tokens) > tokens // 2)).astype(np.int64))
            found.append(theirs.logits(*inputs))
            expected.append(ours.logits(*inputs))
    mean, unit = (getattr(model.config, name, usual) for name, usual in (("target_mean", 0.0), ("target_scale", 1.0)))
    theirs_scaled, ours_scaled = ((np.concatenate(one) - mean) / unit for one in (found, expected))
    scale = max(1.0, float(np.abs(ours_scaled).max()))
    return float(np.abs(theirs_scaled - ours_scaled).max()) / scale  # NaN is below no limit


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silence what the exporter prints, warns and logs about its own work."""
    noisy = [logging.getLogger(name) for name in ("transformers", "torch.onnx", "onnxscript", "onnx_ir", "root", "")]
    levels = [one.level for one in noisy]
    with warnings.catch_warnings(), contextlib.redirect_stdout(None):
        warnings.simplefilter("ignore")
        for one in noisy:
            one.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for one, level in zip(noisy, levels, strict=True):
                one.setLevel(level)
