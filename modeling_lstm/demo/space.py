"""The page as a Space of the Hub: the page's program, this package's source, and the runs or their names on the Hub."""

import sys
from importlib.metadata import requires, version
from pathlib import Path

from packaging.requirements import Requirement

from ..card import marked
from ..hub import CARD, Push, create_repository, files_of, push_files
from ..runs import load_run
from ..sharing import WEIGHTS, run_files

PACKAGE = Path(__file__).parent.parent
APP = '''"""A page on which a model of modeling-lstm can be tried and looked into."""

from modeling_lstm.demo.app import build

build({run!r}, {beside!r}).launch()
'''


def push_space(run: str, beside: list[str], repo_id: str, *, private: bool = False, token: str | None = None) -> Push:
    """
    Push the page to a Space, made if it does not exist, in one commit. Runs that are folders here go with it.

    Args:
        run: Run folder or Hub id of the model that is looked into.
        beside: Runs whose answers stand beside.
        repo_id: `owner/name` of the Space.

    Raises:
        InputError: a run cannot be used, or the Hub refuses.
    """
    files: dict[str, Path | bytes] = {}
    names = []
    for number, one in enumerate([run, *beside]):
        load_run(one)  # what cannot be opened is not shared
        folder = Path(one)
        if folder.is_dir():
            names.append(f"runs/{number}-{folder.resolve().name}")
            files |= {f"{names[-1]}/{name}": path for name, path in run_files(folder).items()}
        else:
            names.append(one)
    patterns = ("**/*.py", "**/*.html", "**/*.md")
    files |= {f"{PACKAGE.name}/{name}": path for name, path in files_of(PACKAGE, patterns).items()}
    files["app.py"] = APP.format(run=names[0], beside=names[1:]).encode("utf-8")
    files["requirements.txt"] = requirements().encode("utf-8")
    repo_id = create_repository(repo_id, "space", private=private, token=token, space_sdk="gradio")
    files[CARD] = _card(repo_id, [name for name in names if not name.startswith("runs/")]).encode("utf-8")
    old = [f"runs/*/{pattern}" for pattern in WEIGHTS]
    message = "Upload a page of modeling-lstm"
    return push_files(files, repo_id, message, repo_type="space", token=token, replaced=old)


def requirements() -> str:
    """What this package and its page need, a line each."""
    lines = set()
    for one in map(Requirement, requires("modeling-lstm") or []):
        is_needed = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("demo", "explain"))
        if is_needed and one.name != "gradio":  # a Space brings it along, in the version that its card names
            lines.add(f"{one.name}{one.specifier}")
    return "\n".join(sorted(lines)) + "\n"


def _card(repo_id: str, models: list[str]) -> str:
    from huggingface_hub import SpaceCard, SpaceCardData

    data = SpaceCardData(
        title=repo_id.rsplit("/", 1)[-1],
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=f"{sys.version_info.major}.{sys.version_info.minor}",
        app_file="app.py",
        models=models or None,
        tags=["modeling-lstm"],
    )
    text = "A page made by `modeling-lstm demo`: type a sentence, and see what an LSTM makes of it, word by word."
    return marked(str(SpaceCard(f"---\n{data.to_yaml()}\n---\n\n# {repo_id.rsplit('/', 1)[-1]}\n\n{text}\n")))
