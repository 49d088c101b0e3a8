"""Tools of the scripts in this folder: check counts, and write a dataset as Parquet files with a card."""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from datasets import ClassLabel, DatasetDict, DownloadConfig, DownloadManager
from huggingface_hub import DatasetCardData

from modeling_lstm.hub.card_marks import mark_card, read_own_card
from modeling_lstm.hub.uploads import CARD, Push, find_files, open_repository, push_files
from modeling_lstm.utils.errors import InputError, require
from modeling_lstm.utils.files import write_folder
from modeling_lstm.utils.markdown import inline_code

Counts = dict[str, dict[str, int]]


@dataclass
class Description:
    """The text of a dataset's card that cannot be derived from the data."""

    name: str
    title: str
    summary: str
    source: str
    how: str
    license: str
    license_note: str
    citation: str
    task: str = "text-classification"


def release_folder(source: str | None, url: str) -> Path:
    """
    Return the folder of an original release: the source itself, or its archive or a download, unpacked anew, since an
    archive may have been replaced.
    """
    if source is not None and not Path(source).is_file():
        return Path(source)
    return Path(DownloadManager(download_config=DownloadConfig(force_extract=True)).download_and_extract(source or url))


def read_text(path: Path) -> str:
    """Read a file with its line breaks unchanged. `Path.read_text` would turn a carriage return into a line break."""
    return path.read_bytes().decode("utf-8")


def counts(configurations: dict[str, DatasetDict]) -> Counts:
    """Return the number of rows in each split of each configuration."""
    return {name: {split: rows.num_rows for split, rows in splits.items()} for name, splits in configurations.items()}


def check_counts(found: Counts, expected: Counts) -> None:
    """Raise unless splits and numbers of rows are those of the published data."""
    here, there = (
        {f"{name}/{split}": rows for name, splits in one.items() for split, rows in splits.items()}
        for one in (found, expected)
    )
    both = {split: (here.get(split, 0), there.get(split, 0)) for split in here | there}
    wrong = [f"{split} has {rows:,} rows, expected {right:,}" for split, (rows, right) in both.items() if rows != right]
    require(not wrong, f"The source is not the published data: {'; '.join(wrong)}")


def write_data_set(folder: Path, configurations: dict[str, DatasetDict], description: Description) -> None:
    """
    Write `CONFIGURATION/SPLIT.parquet` and the card `README.md`, all or nothing.

    Raises:
        InputError: A person wrote or edited the existing card, or the folder cannot be written.
    """
    there = folder / CARD
    require(
        read_own_card(there) is None,
        f"{str(there)!r} was written by a person: name another folder with --output_dir, or remove it.",
    )
    with write_folder(folder) as temporary:
        for name, splits in configurations.items():
            (temporary / name).mkdir()
            for split, rows in splits.items():
                rows.to_parquet(temporary / name / f"{split}.parquet")
        (temporary / CARD).write_text(mark_card(card(configurations, description)), encoding="utf-8")


def card(configurations: dict[str, DatasetDict], description: Description) -> str:
    """Make the card: metadata by which `load_dataset` finds the files, and tables of features and counts."""
    metadata = DatasetCardData(
        language="en",
        license=description.license,
        pretty_name=description.title,
        task_categories=[description.task],
        configs=[
            {
                "config_name": name,
                "data_files": [{"split": split, "path": f"{name}/{split}.parquet"} for split in splits],
                **({"default": True} if number == 0 else {}),
            }
            for number, (name, splits) in enumerate(configurations.items())
        ],
    )
    lines = ["| configuration | split | rows | labels |", "|---|---|---:|---|"]
    for name, splits in configurations.items():
        for split, rows in splits.items():
            label = rows.features.get("label")
            names = ", ".join(map(inline_code, label.names)) if isinstance(label, ClassLabel) else "none"
            lines.append(f"| `{name}` | {split} | {rows.num_rows:,} | {names} |")
    columns = next(iter(next(iter(configurations.values())).values())).features
    features = ["| column | type |", "|---|---|"]
    features += [
        f"| `{name}` | {feature.__class__.__name__} {getattr(feature, 'dtype', '')} |"
        for name, feature in columns.items()
    ]
    parts = [
        f"---\n{metadata}\n---",
        f"# {description.title}",
        description.summary,
        "## Splits",
        "\n".join(lines),
        "## Columns",
        "\n".join(features),
        "## Source",
        description.source,
        "## How it was made",
        description.how,
        "## License",
        description.license_note,
        "## Citation",
        description.citation,
    ]
    return "\n\n".join(parts) + "\n"


def push_data_set(
    folder: Path,
    configurations: dict[str, DatasetDict],
    repo_id: str,
    *,
    private: bool = False,
    overwrite_card: bool = False,
) -> Push:
    """Push the files that [`write_data_set`] wrote, in one commit. Pushing the same again makes no commit."""
    repo_id = open_repository(repo_id, "dataset", private=private)
    names = [f"{name}/{split}.parquet" for name, splits in configurations.items() for split in splits]
    files = find_files(folder, [*names, CARD])
    message = "Upload a dataset of modeling-lstm"
    return push_files(files, repo_id, message, repo_type="dataset", overwrite_card=overwrite_card)


def _explain(error: Exception, source: str | None) -> str:
    cause = f"{type(error).__name__}: {error}"
    if source is None:
        return f"the release could not be downloaded or read ({cause}): name a copy of it with --source."
    return f"--source {source} is not the expected release ({cause})."


def run(build: Callable[[str | None], dict[str, DatasetDict]], description: Description, expected: Counts) -> None:
    """Run the command line of a script: `--output_dir`, `--source`, `--push_to_hub` and others."""
    parser = argparse.ArgumentParser(description=f"Make the dataset {description.title} as Parquet files with a card.")
    parser.add_argument("--output_dir", required=True, type=Path, help="Folder to write.")
    parser.add_argument("--source", help="File or folder of the original release. Default: download it.")
    parser.add_argument("--push_to_hub", metavar="ID", help="Dataset on the Hub to push to: me/name.")
    parser.add_argument("--private", action="store_true", help="Make a private repository.")
    parser.add_argument("--overwrite_card", action="store_true", help="Replace its card, even if a person wrote it.")
    arguments = parser.parse_args()
    try:
        configurations = build(arguments.source)
        check_counts(counts(configurations), expected)
        write_data_set(arguments.output_dir, configurations, description)
        if arguments.push_to_hub:
            where = {"private": arguments.private, "overwrite_card": arguments.overwrite_card}
            print(push_data_set(arguments.output_dir, configurations, arguments.push_to_hub, **where))
    except InputError as error:
        parser.exit(2, f"{description.name}: error: {error}\n")
    except (OSError, ValueError, LookupError) as error:  # a missing or changed file, or no network
        parser.exit(2, f"{description.name}: error: {_explain(error, arguments.source)}\n")
    for name, splits in counts(configurations).items():
        print(f"{arguments.output_dir / name}: " + ", ".join(f"{split} {rows:,}" for split, rows in splits.items()))
