"""The model card of a run: the template `model_card.md`, filled from `run.json`. What is not known is left out."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from ..data.arguments import split_subset
from ..data.sources import locate_source
from ..evaluation.metrics import format_score, is_proportion
from ..hub.card_marks import mark_card
from ..models.registration import OWN_MODEL_TYPES
from ..runs.record import located_sources
from ..tasks.base import FILL_MASK, Task, task_of
from ..utils.display import count_threads, format_gap, format_millions, format_number, to_one_line
from ..utils.markdown import code_block, inline_code, make_table
from ..utils.settings import TRANSFORMER_PREFIX

PACKAGE = "https://github.com/modeling-lstm/modeling-lstm"
TEMPLATE = Path(__file__).with_name("model_card.md")


def make_card(
    record: Mapping[str, Any],
    repo_id: str,
    *,
    language: list[str] | None = None,
    license: str | None = None,
    examples: list[tuple[str, dict[str, Any]]] | None = None,
) -> str:
    """
    Write the card of a run as Markdown with YAML metadata.

    Args:
        record: Content of `run.json`.
        repo_id: Where the run can be found, `owner/name`.
        language: Language codes such as `en`, which the record does not hold.
        license: A license's name on the Hub, such as `apache-2.0`.
        examples: Texts with the model's answers, `label` and `score`. The Hub's widget offers the texts.
    """
    name = repo_id.rsplit("/", 1)[-1]
    task = task_of(record)
    told = task.card(record, examples or [])
    card = ModelCard.from_template(
        _metadata(record, task, name, language, license, [text for text, _ in examples or []]),
        template_path=str(TEMPLATE),
        name=name,
        repo_id=repo_id,
        pipeline=task.name,
        what=_what(record, told["does"]),
        is_ours=record["model"]["model_type"] in OWN_MODEL_TYPES,
        package=PACKAGE,
        opening=told.get("opening", "").replace("REPOSITORY", repo_id),
        verb=told.get("verb", "classify"),
        truncates="max_length" in record["data"] and "opening" not in told,
        calls=told["calls"],
        scores=_scores(record, task.decimals),
        scored=told.get("scored"),
        intervals=bool(record.get("intervals")),
        confusion=told.get("confusion"),
        compared=_make_comparison(record),
        data=_data(record, language),
        pretrained=_describe_pretraining(record),
        teacher=_teacher(record),
        training=_describe_training(record),
        command=_command(record),
        limits=_limits(record, language, told.get("limits", [])),
    )
    return mark_card(re.sub(r"\n{3,}", "\n\n", str(card)))


def _metadata(
    record: Mapping[str, Any],
    task: Task,
    name: str,
    language: list[str] | None,
    license: str | None,
    texts: list[str],
) -> ModelCardData:
    data, model = record["data"], record["model"]
    is_from_hub = data.get("source") == "hub" and isinstance(data["dataset"], str)
    facts: dict[str, Any] = {
        "language": language,
        "license": license,
        "library_name": "transformers",
        "pipeline_tag": task.name,
        "tags": ["modeling-lstm", model.get("cell_type", model["model_type"]), task.name],
        "datasets": [*_hub_datasets(data), *_unlabeled_datasets(record)] or None,
        "base_model": _base_model(record),
        "widget": [{"text": to_one_line(text)} for text in texts] or None,
    }
    split, scores = _best_split(record)
    name_of_data = to_one_line(split_subset(data["dataset"])[0] if is_from_hub else _data_name(data))
    intervals = record.get("intervals", {}).get(split, {})
    source: dict[str, Any] = {
        "task_type": task.name,
        "task_name": task.name.replace("-", " ").capitalize(),
        "dataset_type": name_of_data,
        "dataset_name": name_of_data,
        "dataset_config": (data["subset"] or split_subset(data["dataset"])[1]) if is_from_hub else None,
        "dataset_revision": data["revision"] if is_from_hub else None,
        "dataset_split": split,
    }
    results = []
    for metric, value in scores.items():
        if metric == "loss" or metric.startswith("f1_"):  # of a single label
            continue
        kind, how = task.hub_metrics.get(metric, (metric, {}))
        if metric in intervals:
            how = how | {"interval_95": intervals[metric]}
        title = metric.replace("_", " ")
        results.append(
            EvalResult(**source, metric_type=kind, metric_name=title, metric_args=how or None, metric_value=value)
        )
    if results:
        facts |= {"model_name": name, "eval_results": results}
    return ModelCardData(**{key: value for key, value in facts.items() if value is not None})


def _hub_datasets(data: Mapping[str, Any]) -> list[str]:
    """Return the ids of the datasets on the Hub, without subsets."""
    found = located_sources(data) + (located_sources(data, "train_dataset") if data.get("train_dataset") else [])
    return [split_subset(name)[0] for name, origin in found if origin == "hub"]


def _unlabeled_datasets(record: Mapping[str, Any]) -> list[str]:
    """Return the datasets on the Hub whose texts a teacher labeled."""
    sources = record.get("distillation", {}).get("sources", [])
    return [one["name"].partition(":")[0] for one in sources if one["is_from_hub"]]


def _base_model(record: Mapping[str, Any]) -> str | None:
    """Return what the model was initialized from, if that is on the Hub: a Transformer, a model or word vectors."""
    words, model = record.get("embeddings", {}), record["model"]
    if model.get("is_from_hub"):
        return model.get("transformer") or model["encoder"]
    if record.get("pretrained", {}).get("is_from_hub"):
        return record["pretrained"]["source"]
    is_from_hub = words.get("is_from_hub")
    return words["source"].removeprefix(TRANSFORMER_PREFIX).partition(":")[0] if is_from_hub else None


def _data_name(data: dict[str, Any], key: str = "dataset") -> str:
    """Return a dataset's id, or the last part of a path: a full path reveals a machine, or looks like a Hub id."""
    found = located_sources(data, key)
    return ", ".join(name if origin == "hub" else Path(name).resolve().name for name, origin in found)


def _best_split(record: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """Return the test split and its scores, or validation if test was not evaluated."""
    metrics = record["metrics"]
    split = "test" if "test" in metrics else next(iter(metrics), "validation")
    return split, metrics.get(split, {})


def _what(record: Mapping[str, Any], does: str) -> str:
    model = record["model"]
    kinds = {"lstm": "LSTM", "gru": "GRU", "bag-of-words": "bag-of-words network"}
    kind = kinds.get(model.get("cell_type") or model["model_type"], "Transformer")
    if "transformer" in model:
        kind = "Transformer"
    if model.get("bidirectional"):
        kind = f"bidirectional {kind}"
    sizes = [f"{model['embedding_size']} dimensions per word"] if "embedding_size" in model else []
    sizes += [f"hidden size {model['hidden_size']}"] if model.get("hidden_size") else []
    sizes += [f"{model['num_hidden_layers']} layers"] if (model.get("num_hidden_layers") or 1) > 1 else []
    size = f"{', '.join(sizes)}; " if sizes else ""
    parts = [f"{model['parameters']:,} parameters"]
    if size_mb := model.get("size_mb"):
        parts.append(f"{size_mb:.1f} MB" if size_mb >= 0.1 else f"{1000 * size_mb:.0f} kB")
    article = "An" if kind[0] == "L" else "A"
    behind = f" on top of the encoder {inline_code(_begun_as(model, 'encoder'))}" if model.get("encoder") else ""
    return f"{article} {kind}{behind} ({size}{', '.join(parts)}) that {does}."


def _begun_as(model: Mapping[str, Any], name: str) -> str:
    """Return the Transformer that a model was initialized from, or the last part of its path."""
    return model[name] if model.get("is_from_hub") else Path(model[name]).name


def _scores(record: Mapping[str, Any], decimals: int) -> str:
    metrics = record["metrics"]
    order = [split for split in ("test", "validation") if split in metrics]
    names = list(dict.fromkeys(name for split in order for name in metrics[split] if name != "loss"))
    rows = []
    for name in names:
        cells = [_title(name)]
        for split in order:
            value, interval = metrics[split].get(name), record.get("intervals", {}).get(split, {}).get(name)
            ends = [format_number(limit, decimals=min(3, decimals)) for limit in interval or ()]
            limits = f" ({' to '.join(ends)})" if ends else ""
            cells.append("" if value is None else f"{format_number(value, decimals=decimals)}{limits}")
        rows.append(cells)
    return make_table(["metric", *order], rows, words=1) if rows else ""


def _title(metric: str) -> str:
    if metric.startswith("f1_"):
        return f"F1 of {inline_code(metric[3:])}"
    return {"bleu": "BLEU", "chrf": "chrF"}.get(metric, metric.replace("_", " "))


def _data(record: Mapping[str, Any], language: list[str] | None) -> str:
    data = record["data"]
    where = inline_code(_data_name(data) + (f":{data['subset']}" if data["subset"] else ""))
    if data.get("source") == "hub" and isinstance(data["dataset"], str):
        where = f"[{where}](https://huggingface.co/datasets/{split_subset(data['dataset'])[0]})"
    lines = [where + (f" at revision {inline_code(data['revision'])}" if data["revision"] else "") + "."]
    if data.get("train_dataset"):
        lines.append(f"The train split comes from {inline_code(_data_name(data, 'train_dataset'))}.")
    if language:
        lines.append(f"Language: {', '.join(map(inline_code, language))}.")
    kinds = list(dict.fromkeys(name for counts in data["counts"].values() for name in counts))
    rows = [[split, *(f"{counts.get(kind, 0):,}" for kind in kinds)] for split, counts in data["counts"].items()]
    heads = ["split", *(kind if kind == "rows" else inline_code(kind) for kind in kinds)]
    return " ".join(lines) + "\n\n" + make_table(heads, rows, words=1)


def _describe_pretraining(record: Mapping[str, Any]) -> str | None:
    """Describe the language model that a classifier was initialized from, and how many test texts it has read."""
    found = record.get("pretrained")
    if found is None:
        return None
    name = {"name": found["source"], "is_from_hub": found["is_from_hub"]}
    texts = ", ".join(map(inline_code, found["text"]))
    does = {"forward": "reads forward", "both": "reads in both directions"}[found["direction"]]
    if found.get("task") == FILL_MASK:
        does = "fills in masked tokens"
    text = (
        f"It was initialized from {_link(name, '')}, which {does} and was trained on {found['texts']:,} texts of "
        f"{texts}"
    )
    counts = {split: number for split, number in found["held_out_texts"].items() if number is not None}
    if counts:
        text += f"; {_join([f'{number:,} of the {split} texts' for split, number in counts.items()])} are among them"
    return f"{text}."


def _teacher(record: Mapping[str, Any]) -> str | None:
    """Describe the model's teacher, the texts it labeled, and how far the model is from it."""
    found = record.get("distillation")
    if found is None:
        return None
    teachers = [f"{_link(one, '')} ({one['parameters']:,} parameters)" for one in found["teachers"]]
    them = f"the mean of {len(teachers)} teachers, " if len(teachers) > 1 else ""
    text = f"It was trained to imitate {them}{_join(teachers)}, on the training texts"
    if number := found["transfer"]["kept"]:
        sources = [_link(one, "datasets/") for one in found["sources"]]
        is_augmented = bool(found["transfer"].get("augmented"))
        others = f"unlabeled texts from {_join(sources)}" if sources else "unlabeled texts"
        if is_augmented:
            others = f"{others} and variants of all these texts" if sources else "variants of them"
        text += f" and on {number:,} {others}"
        left_out = sum(found["transfer"].get(split, 0) for split in ("validation", "test"))
        text += f"; {left_out:,} that also occur in validation or test were left out"
    rows = []
    for split, gap in found["gap"].items():
        scores = [format_number(gap[one]) for one in ("student", "teacher")]
        rows.append([split, gap["metric"].replace("_", " "), *scores, format_gap(gap)])
    heads = ["split", "metric", "this model", "its teacher", "difference (95% interval)"]
    return f"{text}.\n\n" + make_table(heads, rows)


def _join(parts: list[str]) -> str:
    """Join parts of a sentence with commas and an "and"."""
    return " and ".join(part for part in (", ".join(parts[:-1]), parts[-1]) if part)


def _link(recorded: dict[str, Any], kind: str) -> str:
    """Link a name to its page on the Hub. Of anything else, return the last part of its path."""
    name = recorded["name"]
    if not recorded["is_from_hub"]:
        return inline_code(Path(name).name)
    return f"[{inline_code(name)}](https://huggingface.co/{kind}{name.partition(':')[0]})"


def _describe_training(record: Mapping[str, Any]) -> str:
    settings = {**record["tokenizer"], "max_length": record["data"].get("max_length"), **record["training"]} | {
        name: value
        for name, value in record["model"].items()
        if name not in ("parameters", "size_mb", "model_type", "is_from_hub")
    }
    settings |= {name: _begun_as(record["model"], name) for name in ("transformer", "encoder") if settings.get(name)}
    if settings.get("tokenizer"):
        settings["tokenizer"] = str(settings["tokenizer"]).removeprefix(TRANSFORMER_PREFIX)
    paths = {name: settings[name] for name in ("tokenizer", "transformer_config") if settings.get(name)}
    settings |= {name: Path(path).name for name, path in paths.items() if locate_source(path) == "local"}
    if taught := record.get("distillation"):
        names = ("logit_weight", "divergence_weight", "label_weight", "temperature")
        settings |= {name: taught["settings"][name] for name in names}
    if words := record.get("embeddings"):
        _, kind, path = words["source"].rpartition(TRANSFORMER_PREFIX)
        begun = words["source"] if words.get("is_from_hub") else f"{kind}{Path(path).name}"
        settings["word vectors"] = begun
    if settings.get("max_steps"):
        del settings["num_train_epochs"]  # replaced by the steps
    rows = [
        [name.replace("_", " "), inline_code(value)]
        for name, value in settings.items()
        if value is not None and name not in ("resumed", "stopped_early", "disable_tqdm")
    ]
    seconds, hardware = record["seconds"], record["hardware"]
    took = f"{seconds['total'] / 60:.1f} minutes in total on {inline_code(hardware['processor'])}"
    took += f", {count_threads(hardware['threads'])}"
    if "gpu" in hardware:
        took += f", and {inline_code(hardware['gpu'])}"
    if record["training"].get("resumed"):
        took += ", counted since the training was resumed"
    if record["training"].get("load_best_model_at_end", True):
        chosen = f"The weights with the best {_title(record['best']['metric'])} on validation were kept."
    else:
        chosen = "The weights at the end of the training were kept."
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return f"{chosen} It took {took}.\n\n" + make_table(["setting", "value"], rows) + f"\n\nVersions: {versions}."


def _command(record: Mapping[str, Any]) -> str:
    return code_block(record["command"]) if record.get("command") else ""


def _make_comparison(record: Mapping[str, Any]) -> str | None:
    """Make the table of a comparison with other systems, if there was one."""
    found = record.get("compared")
    if found is None:
        return None
    metric, rows = found["metric"], []
    for name, one in found["systems"].items():
        spread = "" if one["sd"] is None else f" ± {format_score(metric, one['sd'])}"
        limits = [format_score(metric, end) for end in one["interval"] or ()]
        cells = [
            inline_code(name),
            format_score(metric, one["mean"]) + spread + (f" ({' to '.join(limits)})" if limits else ""),
        ]
        cells += [format_millions(one["parameters"]), f"{one['size_mb']:.1f}"]
        rows.append([*cells, f"{one['p50_ms']:.2f}", f"{one['texts_per_second']:,.0f}"])
    heads = [
        "system",
        metric.replace("_", " ") + (", percent" if is_proportion(metric) else ""),
        "parameters",
        "MB",
        "ms for one text",
    ]
    return (
        f"All were trained and tested on the same rows ({found['rows']:,} in test). Scores are means over the seeds ± "
        f"standard deviation, with a 95% interval in brackets. Times were measured on {found['processor']} with "
        f"{count_threads(found['threads'])}.\n\n" + make_table([*heads, "texts per second"], rows, words=1)
    )


def _brought_along(record: Mapping[str, Any]) -> str:
    """Describe what the model knows from sources other than its training data."""
    if "distillation" in record:
        return "and from its teacher's predictions"
    if {"transformer", "encoder"} & record["model"].keys() or "pretrained" in record:
        return "and from the data of the model that it started from"
    return "and from the texts behind its word vectors" if "embeddings" in record else "alone"


def _limits(record: Mapping[str, Any], language: list[str] | None, more: list[str]) -> str:
    data = record["data"]
    lines = [
        f"It has learned from {inline_code(_data_name(data))} "
        + _brought_along(record)
        + (f", in {', '.join(map(inline_code, language))}" if language else "")
        + ". It makes more mistakes on other kinds of text. Biases in its training texts carry over to its "
        "predictions.",
    ]
    if "max_length" not in data:
        return "\n".join(f"- {line}" for line in [*lines, *more])
    longest = f"It reads the first {data['max_length']:,} tokens of a text"
    if data.get("train_max_length"):
        longest += f" (in training, the first {data['train_max_length']:,})"
    found = data["tokens"].get("validation", {})
    if "truncated" in found:
        longest += f"; of the {found['rows']:,} validation rows, {found['truncated']:,} are longer"
    lines.append(longest + ".")
    if "out_of_vocabulary" in found:
        lines.append(f"{100 * found['out_of_vocabulary']:.2f}% of the validation tokens are not in its vocabulary.")
    lines += more
    return "\n".join(f"- {line}" for line in lines)
