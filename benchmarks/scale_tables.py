"""The tables of docs/guides/large-data.md and docs/guides/search.md, made from the records in `results/`."""

from typing import Any

from modeling_lstm.utils.files import read_json
from modeling_lstm.utils.markdown import make_table

from .accuracy import RESULTS
from .measure import SPEED
from .simulation import LOSSES, Costs, plan


def scoring_table() -> str:
    """Make the table of answering tweets in one process and with workers, beside the simulation."""
    found = _read()
    rows = found["rows"]
    cells = [_row("one process, one core", rows, found["one_core"])]
    cells.append(_row("one process, both cores", rows, found["one_process"]))
    for workers in (1, 2):
        cells.append(_row(f"Ray, {workers} worker{'s' * (workers > 1)}", rows, found[f"ray_{workers}"]))
    for number, one in found["memory"].items():
        cells.append(_row("Ray, 2 workers", int(number), one))
    heads = ["setup", "texts", "seconds", "texts a second", "predicted", "MB in use"]
    labels = "the same labels" if all(found[f"ray_{n}"]["same_labels"] for n in (1, 2)) else "NOT the same labels"
    distance = max(found[f"ray_{workers}"]["largest_difference"] for workers in (1, 2))
    foretold = [*(found[f"ray_{workers}"] for workers in (1, 2)), *found["memory"].values()]
    low, high = sorted(100 * (1 - one["foretold"] / one["seconds"]) for one in foretold)[:: len(foretold) - 1]
    return make_table(heads, cells, words=1) + (
        f"\n\nMeasured on: {found['hardware']['processor']}, {found['hardware']['cores']} cores, one thread per "
        f"worker; tweets in {found['files']} CSV files, start included. Row by row\n{labels}, scores within "
        f"{distance:.0e}. The prediction is {low:.0f} to {high:.0f}% too low.\n"
    )


def plan_table() -> str:
    """Make the table of clusters for many texts."""
    heads = ["texts", "workers", "hours", "hours with losses", "core-hours", "MB a second from readers", "output, GB"]
    rows = []
    for one in plan(Costs(**_read()["costs"])):
        cells = [f"{one['rows']:,}", f"{one['workers']:,}", f"{one['hours']:.2f}", f"{one['hours_with_losses']:.2f}"]
        cells += [f"{one['core_hours']:,.0f}", f"{one['mb_a_second']:.0f}", f"{one['output_gb']:,.1f}"]
        rows.append(cells)
    return make_table(heads, rows, words=0) + f"\n\nWith losses: each worker is lost once in {60 / LOSSES:g} minutes.\n"


def search_table() -> str:
    """Make the table of searches beside random search and the shipped recipes."""
    heads = ["dataset", "settings from", "trials (pruned)", "minutes", "best on validation"]
    rows = []
    for path in sorted((RESULTS / "search").glob("*.json")):
        found = read_json(path)
        name = f"{path.stem}, {found['metric'].replace('_', ' ')}"
        rows.append([name, "the shipped recipe", "", "", "", *_scores(found["shipped"])])
        for sampler, title in (("tpe", "`search`"), ("random", "random search")):
            one = found["searches"][sampler]
            cells = [name, title, f"{one['trials']} ({one['pruned']})", f"{one['minutes']:.0f}"]
            cells.append(f"{100 * one['best']:.1f}")
            rows.append([*cells, *(_scores(found["found"]) if sampler == "tpe" else ["", ""])])
    return make_table([*heads, "validation, 3 seeds", "test, 3 seeds"], rows, words=2) + "\n"


def _scores(found: dict[str, Any]) -> list[str]:
    return [f"{100 * found[split]['mean']:.1f} ± {100 * found[split]['sd']:.1f}" for split in ("validation", "test")]


def _row(name: str, rows: int, one: dict[str, Any]) -> list[str]:
    foretold = f"{one['foretold']:.0f}" if "foretold" in one else ""
    return [name, f"{rows:,}", f"{one['seconds']:.0f}", f"{rows / one['seconds']:,.0f}", foretold, f"{one['mb']:,.0f}"]


def _read() -> dict[str, Any]:
    return read_json(SPEED / "scoring.json")
