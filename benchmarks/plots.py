"""Plot the measurements of the speed benchmarks: `python -m benchmarks.plots` makes `results/speed/*.svg`."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from modeling_lstm.utils.figures import save, use_logarithmic_axis
from modeling_lstm.utils.files import read_json

from .end_to_end_tables import STEPS, TITLES
from .measure import SPEED

KEYS = ("layers", "text", "rows", "like lengths")  # what identifies a batch in the records of `recurrence`
# Shades and hatching, so that the plots can be read in black and white
STYLES: tuple[dict[str, Any], ...] = (
    {"color": "black"},
    {"color": "0.75", "edgecolor": "black"},
    {"color": "white", "edgecolor": "black", "hatch": "////"},
    {"color": "0.45", "edgecolor": "black", "hatch": "...."},
)


def bars(axes: Axes, groups: list[str], series: dict[str, list[float]]) -> None:
    """Draw bars side by side for each group, with the value on top."""
    width = 0.8 / len(series)
    for index, (name, values) in enumerate(series.items()):
        left = [n + index * width for n in range(len(groups))]
        drawn = axes.bar(left, values, width, label=name, **STYLES[index % len(STYLES)])
        axes.bar_label(drawn, fmt="%.3g", fontsize=7)
    axes.set_xticks([n + 0.4 - width / 2 for n in range(len(groups))], groups, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.figure.legend(loc="outside lower center", ncols=len(series), fontsize=8, frameon=False)


def ratios(groups: list[str], series: dict[str, list[float]], label: str, title: str) -> Figure:
    """Draw bars of ratios on a logarithmic scale, with a line at 1."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    bars(axes, groups, series)
    axes.axhline(1.0, color="black", linewidth=0.8, linestyle="--")
    use_logarithmic_axis(axes, "y")
    axes.set_ylabel(label)
    axes.set_title(title, fontsize=10)
    return figure


def recurrence(found: list[dict[str, Any]]) -> Figure:
    """Draw how many times as fast as packed a training step with one layer is."""
    batches = [one for one in found if one["cell"] == "lstm" and one["layers"] == 1]
    order = {True: "like lengths", False: "any lengths"}
    groups = [f"{one['text']}, {one['rows']}\n{order[one['like lengths']]}" for one in batches]
    series = {
        cell.upper(): [
            next(
                (
                    one["packed / ours, training"]["median"]
                    for one in found
                    if one["cell"] == cell and all(one[key] == batch[key] for key in KEYS)
                ),
                float("nan"),
            )
            for batch in batches
        ]
        for cell in ("lstm", "gru")
    }
    title = "Training step of a bidirectional network, 100 -> 500"
    return ratios(groups, series, "times as fast as packed", title)


def inference(found: dict[str, Any]) -> Figure:
    """Draw how many times as long as the LSTM the Transformers take, for each shape."""
    names = {"minilm torch fp32": "MiniLM-L6", "distilbert torch fp32": "DistilBERT's size"}
    names |= {"minilm onnx int8": "MiniLM-L6, ONNX int8", "lstm onnx int8": "LSTM, ONNX int8"}
    shapes = [shape for shape in found["models"] if "lstm onnx int8" in shape["milliseconds"]]
    series = {
        title: [shape[f"{name} / lstm torch fp32"]["median"] for shape in shapes] for name, title in names.items()
    }
    title = f"Inference of a {found['ours']} and of Transformers on the same tokens"
    return ratios([shape["shape"] for shape in shapes], series, "times the LSTM's time (torch, fp32)", title)


def scaling(found: dict[str, Any]) -> Figure:
    """Draw time and memory against length, rows and vocabulary."""
    figure = Figure(figsize=(10, 3.4), layout="constrained")
    length, rows, vocabulary = figure.subplots(1, 3)
    length.plot(found["length"]["tokens"], found["length"]["milliseconds"], marker="o", color="black")
    length.set_title(f"training step, exponent {found['length']['exponent from 512 tokens']} from 512", fontsize=9)
    length.set_xlabel("tokens")
    length.set_ylabel("milliseconds")
    rows.plot(found["rows"]["rows"], found["rows"]["peak memory, MB"], marker="o", color="black")
    rows.set_title("predict", fontsize=9)
    rows.set_xlabel("rows")
    rows.set_ylabel("peak memory, MB")
    rows.set_ylim(bottom=0)
    words = found["vocabulary"]["words"]
    vocabulary.plot(words, found["vocabulary"]["rows, milliseconds"], marker="o", color="black", label="rows in use")
    vocabulary.plot(
        words, found["vocabulary"]["table, milliseconds"], marker="s", color="0.5", linestyle="--", label="whole table"
    )
    vocabulary.set_title("training step by what is updated", fontsize=9)
    vocabulary.set_xlabel("words in the vocabulary")
    vocabulary.set_ylabel("milliseconds")
    vocabulary.set_ylim(bottom=0)
    vocabulary.legend(fontsize=8, frameon=False)
    for axes in (length, rows, vocabulary):
        use_logarithmic_axis(axes)
        axes.spines[["top", "right"]].set_visible(False)
    use_logarithmic_axis(length, "y")
    return figure


def end_to_end(found: dict[str, Any]) -> Figure:
    """Draw where the microseconds of a tweet go on one core, for each network."""
    figure = Figure(figsize=(9, 2.8), layout="constrained")
    axes = figure.subplots()
    took = found["microseconds a row"]
    systems = {name.removeprefix("ours, "): title for name, title in TITLES.items()}
    systems = {name: title for name, title in systems.items() if f"network, {name}" in took}
    files = sum(took[step] for step in STEPS if step != "tokens" and not step.startswith("network"))
    parts = {"reading, batches, writing": [files] * len(systems), "text to tokens": [took["tokens"]] * len(systems)}
    parts |= {"network": [took[f"network, {name}"] for name in systems]}
    begin = [0.0] * len(systems)
    for (title, wide), style in zip(parts.items(), STYLES, strict=False):
        axes.barh(list(systems.values()), wide, left=begin, label=title, **style)
        begin = [one + other for one, other in zip(begin, wide, strict=True)]
    axes.invert_yaxis()
    axes.set_xlabel("microseconds a tweet")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside lower center", ncols=len(parts), fontsize=8, frameon=False)
    return figure


def main() -> None:
    """Draw every existing record."""
    for draw in (recurrence, inference, scaling, end_to_end):
        path = SPEED / f"{draw.__name__}.json"
        if path.exists():
            save(draw(read_json(path)["results"]), path.with_suffix(".svg"), "svg")


if __name__ == "__main__":
    main()
