"""README.md and docs/: every command and every Python block runs, on small data; links lead somewhere, flags exist."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from modeling_lstm.cli.registry import make_parser
from tests.conftest import WORDS, opinion_rows, write_csv
from tests.local_hub import TOKEN, LocalHub, Repository
from tests.machine import Machine

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^(?P<margin> *)```(?P<kind>\w+)\n(?P<text>.*?)^(?P=margin)```$", re.MULTILINE | re.DOTALL)

# Appended to a command in place of its own flags of these names, so that it is quick
SMALLEST = "--embedding_size 8 --hidden_size 8 --num_train_epochs 1 --max_train_samples 60 --use_cpu true"
SMALLEST += " --disable_tqdm true --overwrite"
SMALL = f"{SMALLEST} --min_frequency 1"
SMALLER = {
    "train": SMALL,
    "distill": f"{SMALL} --augmentations 1",
    "pretrain": f"{SMALL} --per_device_train_batch_size 4 --block_size 10 --max_steps 10",
    "evaluate": "--resamples 100",
    "compare": "--systems tfidf --seeds 1 --trials 1 --shares 1 --resamples 100 --max_train_samples 60",
    "search": "--trials 2 --epochs 1 --models bag-of-words --embeddings none --use_cpu true",
    "pretrain --task fill-mask": f"{SMALL} --per_device_train_batch_size 4 --block_size 10 --max_steps 10",
    "train --preset best": f"{SMALLEST} --augmentations 1",  # its tokens are those of its teacher
    "train --task translation": f"{SMALL} --encoder_hidden_size 8 --vocab_size 80",
    "compare --task translation": "--resamples 100",
    "vectors train": "--size 8 --epochs 1 --min_frequency 1 --workers 1",
}
# The same for Python
SMALLER_CODE = {
    "data = load_order_matters()\n": "data = load_order_matters().filter(lambda _, n: n < 60, with_indices=True)\n",
    'rows = load_order_matters()["train"]': 'rows = load_order_matters()["train"].select(range(300))',
    "num_train_epochs=3, learning_rate": "max_steps=2, learning_rate",
    'ml.compare(["lstm", "tfidf"],': 'ml.compare(["tfidf"], seeds=1, trials=1, shares=[1.0],',
    'ml.train(preset="best",': 'ml.train(preset="best", hidden_size=8, num_train_epochs=1,',
    'ml.distill(teacher="runs/minilm",': 'ml.distill(teacher="runs/minilm", augmentations=1, hidden_size=8,',
    'output_dir="runs/small-lm", hidden_size=128': 'output_dir="runs/small-lm", hidden_size=8, embedding_size=8, '
    "per_device_train_batch_size=4, block_size=10, max_steps=10, min_frequency=1",
    'revision="COMMIT"': 'revision="main"',
}
# What no test runs, and why. Commands of ours among them are read by their parser all the same
NOT_RUN = {
    "pip install": "changes the environment",
    "make": "the Makefile has targets of these names (test_make_targets_exist)",
    "hf auth login": "asks for a token of the real Hub",
    "python -m data_scripts.sst": "downloads the original release; tests/test_data_scripts.py runs it on a small one",
    "torchrun": "starts two processes; tests/training/test_processes.py does",
    "python examples/serve.py": "serves until it is stopped; tests/test_examples.py asks it",
    "curl": "asks that server",
    "modeling-lstm demo": "serves until it is stopped; tests/demo/test_demo.py asks the page",
}
# The same for commands with such flags
NOT_RUN_WITH = {"--engine ray": "starts a cluster; tests/inference/test_ray_prediction.py and others do"}
# Flags on the pages that are no settings of a command
OTHER_FLAGS = {
    "nproc_per_node",
    "nnodes",
    "rdzv_backend",
    "rdzv_endpoint",
    "check",
    "help",
    "help-all",
    "push_to_hub",
    "version",
}


class Block(NamedTuple):
    """A fenced block of a page."""

    kind: str
    text: str


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, also those that are indented."""
    found = []
    for one in BLOCK.finditer(page.read_text(encoding="utf-8")):
        margin = len(one["margin"])
        found.append(Block(one["kind"], "".join(line[margin:] for line in one["text"].splitlines(keepends=True))))
    return found


def commands(block: Block) -> list[list[str]]:
    """The command lines of a block: all of a `bash` block, those after `$` of a `console` block."""
    if block.kind not in ("bash", "console"):
        return []
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.kind == "console":
        lines = [line[2:] for line in lines if line.startswith("$ ")]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def reason(words: list[str]) -> str | None:
    """Why a command is not run."""
    line = " ".join(words) + " "
    found = [why for start, why in NOT_RUN.items() if line.startswith(f"{start} ")]
    found += [why for flags, why in NOT_RUN_WITH.items() if f" {flags} " in line]
    return found[0] if found else None


def command_of(arguments: list[str]) -> str:
    command = " ".join(arguments[: 2 if arguments[0] == "vectors" else 1])
    more = next(
        (more for more in ("--task translation", "--task fill-mask", "--preset best") if more in " ".join(arguments)),
        "",
    )
    return f"{command} {more}".strip()


def arguments_of(words: list[str]) -> list[str]:
    """What the command line gets of a line that starts with `modeling-lstm`, or with `torchrun`."""
    return words[1:] if words[0] == "modeling-lstm" else words[words.index("modeling_lstm.cli") + 1 :]


def ours(page: Path) -> list[list[str]]:
    """The arguments of all commands of ours on a page."""
    every = [words for block in blocks(page) for words in commands(block)]
    return [arguments_of(words) for words in every if words[0] in ("modeling-lstm", "torchrun")]


# Where they run

MORE_WORDS = ["wooden", "plot", "score", *(f"actor{number}" for number in range(80))]


def write_vectors(path: Path, size: int) -> None:
    """A file in GloVe's format with all words of the small data."""
    words = [
        *"the film was number".split(),
        *MORE_WORDS,
        *map(str, range(7)),
        *(w for some in WORDS.values() for w in some),
    ]
    rows = np.random.default_rng(0).normal(size=(len(words), size)).round(3)
    lines = (" ".join([word, *map(str, row)]) for word, row in zip(words, rows, strict=True))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_splits(folder: Path, subset: str) -> None:
    """A dataset with one configuration, as the Hub keeps it."""
    for split, number in (("train", 60), ("validation", 21), ("test", 21)):
        write_csv(folder / subset / f"{split}.csv", opinion_rows(number))
    files = "".join(f"  - {{split: {one}, path: {subset}/{one}.csv}}\n" for one in ("train", "validation", "test"))
    card = f"---\nconfigs:\n- config_name: {subset}\n  data_files:\n{files}---\n"
    (folder / "README.md").write_text(card, encoding="utf-8")


def files_of(folder: Path) -> dict[str, bytes]:
    return {one.relative_to(folder).as_posix(): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages speak of, small."""
    folder = tmp_path_factory.mktemp("place")
    rows = opinion_rows(90)
    write_csv(folder / "reviews.csv", rows)
    write_csv(folder / "other_reviews.csv", rows[:30])
    write_csv(folder / "new.csv", [(n, "today", text) for n, (text, _) in enumerate(rows[:9])], ("id", "date", "text"))
    write_csv(folder / "tickets.csv", [("a film", *row) for row in rows], ("subject", "body", "team"))
    pairs = [
        (f"I like {text.split()[3]} tea {n % 30}.", f"Me gusta el té {n % 30} {text.split()[3]}.")
        for n, (text, _) in enumerate(rows)
    ]
    write_csv(folder / "pairs.csv", pairs, ("en", "es"))
    texts = [f"{text} , {' '.join(MORE_WORDS)}" for text, _ in rows]
    (folder / "more_reviews.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    write_vectors(folder / "glove.6B.100d.txt", 12)
    write_vectors(folder / "glove.6B.50d.txt", 10)
    (folder / "vectors").mkdir()
    write_vectors(folder / "vectors" / "films", 10)
    write_splits(folder / "data" / "sst", "phrases-2")
    shutil.copytree(ROOT / "recipes", folder / "recipes")
    return folder


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory, place: Path, encoder: Path, trained: Path) -> Iterator[Machine]:
    """A process with a Hub on loopback, which has what the pages take from the Hub."""
    hub = LocalHub()
    tweets = tmp_path_factory.mktemp("tweets")
    write_splits(tweets, "sentiment")
    transformer = "sentence-transformers/all-MiniLM-L6-v2"
    for name, folder in ((f"models/{transformer}", encoder), ("datasets/cardiffnlp/tweet_eval", tweets)):
        hub.repositories[name] = Repository()
        hub.repositories[name].commit("main", files_of(folder), "made for a test")
    one = Machine(tmp_path_factory.mktemp("machine"), hub, PYTHONPATH=str(ROOT), OMP_NUM_THREADS="1")
    one.python("import datasets; datasets.config.USE_PARQUET_EXPORT = False; datasets.disable_progress_bars()")
    one.python(f"import os, modeling_lstm.cli; os.chdir({str(place)!r})")
    train = ["train", "--dataset", "reviews.csv", "--test_share", "0.2", *SMALL.split()]
    for given in (
        [*train, "--output_dir", "runs/reviews"],
        [*train, "--output_dir", "runs/minilm", "--transformer", transformer],
        ["push", trained, "me/reviews"],
    ):
        answer = one.cli(*given, token=TOKEN)
        assert answer["status"] == 0, answer["err"]
    yield one
    one.kill()
    hub.close()


# The tests


def make_smaller(given: list[str]) -> list[str]:
    """The arguments of a command with those that make it quick."""
    more = SMALLER.get(command_of(given), "").split()
    replaced, kept, is_replaced = {one for one in more if one.startswith("--")}, [], False
    for one in given:
        is_replaced = one in replaced if one.startswith("--") else is_replaced
        kept += [] if is_replaced else [one]
    return [*kept, *more]


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=name_of)
def test_commands_and_python_blocks_run(page: Path, place: Path, machine: Machine, tmp_path: Path) -> None:
    """In the order of the page, each where the ones before it left off."""
    here = shutil.copytree(place, tmp_path / "here")
    machine.python(f"import os; os.chdir({str(here)!r})")
    for block in blocks(page):
        if block.kind == "python":
            code = block.text
            for usual, smaller in SMALLER_CODE.items():
                code = code.replace(usual, smaller)
            machine.python(code + "\nresult = None", token=TOKEN)
        for words in commands(block):
            if reason(words) is not None:
                continue
            words = ["main" if word == "COMMIT" else word for word in words]
            if words[:1] == ["python"]:
                machine.python(
                    f"import runpy, sys; sys.argv = {words[1:]!r}; runpy.run_path({words[1]!r}, {{}}, '__main__')"
                )
                continue
            assert words[0] == "modeling-lstm", f"{shlex.join(words)}: run it, or say in NOT_RUN why not"
            given = arguments_of(words)
            answer = machine.cli(*make_smaller(given), token=TOKEN)
            assert answer["status"] == 0, f"{shlex.join(words)}\n{answer['err']}"


@pytest.mark.parametrize("page", [page for page in PAGES if ours(page)], ids=name_of)
def test_commands_are_read_as_they_stand(page: Path) -> None:
    for given in ours(page):
        command = command_of(given)
        if command == "--version":
            continue
        rest = given[len(command.split()) :]
        if rest and rest[0].endswith(".yaml"):
            rest = ["--dataset", "as-the-recipe-says", *rest[1:]]
        make_parser(command).parse_args(rest)


def test_nothing_is_left_out_without_need() -> None:
    every = [words for page in PAGES for block in blocks(page) for words in commands(block)]
    for start in NOT_RUN:
        assert any((" ".join(words) + " ").startswith(f"{start} ") for words in every), f"{start} stands nowhere"
    code = "\n".join(block.text for page in PAGES for block in blocks(page))
    assert all(usual in code for usual in SMALLER_CODE)


def test_python_blocks_import_what_they_use() -> None:
    """Each block with our functions can be copied alone."""
    for page in PAGES:
        for block in blocks(page):
            if block.kind == "python" and re.search(r"\bml\.", block.text):
                assert "import modeling_lstm as ml" in block.text, name_of(page)


def test_pages_name_only_flags_that_exist() -> None:
    names = (
        "train",
        "distill",
        "pretrain",
        "generate",
        "evaluate",
        "predict",
        "export",
        "card",
        "push",
        "compare",
        "search",
        "explain",
        "demo",
    )
    names += ("train --task translation", "compare --task translation", "pretrain --task fill-mask")
    names += ("vectors train", "vectors nearest", "vectors compare", "vectors push")
    known = {one for name in names for action in make_parser(name)._actions for one in action.option_strings}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        used = set(re.findall(r"(?<![\w-])--[a-z][a-z_0-9-]*", text))
        assert used <= known | {f"--{one}" for one in OTHER_FLAGS}, name_of(page)


def test_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE)) | {"bench-inference"}
    for page in [*PAGES, ROOT / "CONTRIBUTING.md"]:
        text = page.read_text(encoding="utf-8")
        named = re.findall(r"`make ([\w-]+)", text) + re.findall(r"^make ([\w-]+)", text, re.MULTILINE)
        assert set(named) <= targets, name_of(page)


def slug(title: str) -> str:
    """The anchor of a title, as GitHub and MkDocs make it."""
    return re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title.strip().lower()))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md"], ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """MkDocs checks those between pages; here also those of the README, and those to files of the repository."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        if path.startswith(("http:", "https:", "mailto:")) or "reference/commands/" in path:
            continue  # the command reference is made when the site is built
        found = page.parent / path if path else page
        assert found.exists(), f"{target} does not exist"
        if anchor:
            titles = re.findall(r"^#+ (.+)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, titles), f"{target} has no such title"


def test_the_readme_is_short() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert len(text.split()) <= 1_300


def test_the_names_of_the_python_reference_exist() -> None:
    import modeling_lstm

    page = (ROOT / "docs" / "reference" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^::: modeling_lstm\.(\w+)$", page, re.MULTILINE))
    assert named == set(modeling_lstm.__all__)


def test_the_messages_of_the_troubleshooting_page_are_those_of_the_code() -> None:
    """Each part of a message stands in the source, where long strings are in several lines."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "modeling_lstm").rglob("*.py")))
    source = re.sub(r'"\s*\n\s*f?"', "", source)
    page = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
    messages = re.findall(r"^\| `(.+?)`", page, re.MULTILINE)
    assert len(messages) > 15
    for part in (part for message in messages for part in message.split("...")):
        assert part.strip() in source, part


def test_the_python_reference_shows_settings_as_default_and_help() -> None:
    griffe = pytest.importorskip("griffe")
    extension = griffe.load_extensions(str(ROOT / "docs" / "hooks" / "docstrings.py"))
    package = griffe.load("modeling_lstm", search_paths=[ROOT], extensions=extension)
    assert str(package["training.arguments.TrainerSettings.learning_rate"].value) == "0.002"
    shown = package["training.trainer_arguments.LstmTrainingArguments"].docstring.value
    assert "    embedding_learning_rate: Learning rate of the word vectors" in shown and "{" not in shown
    assert "[`PushArguments`](commands/push.md)" in package["publishing.sharing.push"].docstring.value
    assert not {"init_hf_repo", "create_scheduler"} & package["training.lstm_trainer.LstmTrainer"].members.keys()


def test_the_notebook_and_the_readme_show_the_same_answers() -> None:
    """The README's outputs were printed by its code; the notebook, which stores its own, has the same settings."""
    notebook = json.loads((ROOT / "examples" / "quickstart.ipynb").read_text(encoding="utf-8"))
    shown = "".join("".join(one.get("text", "")) for cell in notebook["cells"] for one in cell.get("outputs", ()))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for label, score in re.findall(r"'label': '(\w+)', 'score': ([\d.]+)", readme):
        assert f"{label:<10}{float(score):.2f}" in shown
