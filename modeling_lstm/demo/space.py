"""Push the page to a Hub Space: its app, the source of this package, and the runs or their Hub ids."""

import re
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from ..hub.card_marks import mark_card
from ..hub.downloads import check_public
from ..hub.uploads import CARD, Push, find_files, open_repository, push_files
from ..publishing.sharing import WEIGHTS, run_files
from ..runs.run_folders import run_folder, task_of_run
from ..tasks.base import TRANSLATION
from ..utils.errors import InputError, hide_tokens, require
from .app import DESCRIPTIONS, build

PACKAGE = Path(__file__).parent.parent
APP = '''"""A page to try and inspect a model of modeling-lstm."""

from modeling_lstm.demo.app import build

build({run!r}, {beside!r}).launch()
'''


def push_space(
    run: str,
    beside: list[str],
    repo_id: str,
    *,
    private: bool = False,
    token: str | None = None,
    more_requirements: str | None = None,
) -> Push:
    """
    Push the page to a Space in one commit. The Space is created if necessary. Local run folders are uploaded too.

    Args:
        run: Run folder or Hub id of the model to inspect. A model on the Hub must be public, because the Space has no
            token to read it with.
        beside: Other runs whose answers to show.
        repo_id: `owner/name` of the Space.
        private: Whether to create a private Space.
        token: Hub token; by default the stored one.
        more_requirements: A file with lines to put at the start of the Space's `requirements.txt`. PyPI's torch is the
            GPU version, with gigabytes of libraries; a line `--extra-index-url ADDRESS` with an index of torch for CPUs
            selects the smaller version.

    Raises:
        InputError: [`build`] raises, a model on the Hub is not public, the requirements file cannot be used, or the Hub
            refuses the upload.
    """
    files: dict[str, Path | bytes] = {}
    names = []
    first = "" if more_requirements is None else _more_requirements(Path(more_requirements))
    build(run, beside)  # raises if the Space could not build it
    for number, one in enumerate([run, *beside]):
        folder = Path(one)
        if folder.is_dir():
            names.append(f"runs/{number}-{folder.resolve().name}")
            files |= {f"{names[-1]}/{name}": path for name, path in run_files(folder).items()}
        else:
            check_public(one)
            names.append(one)
    patterns = ("**/*.py", "**/*.html", "**/*.md")
    files |= {f"{PACKAGE.name}/{name}": path for name, path in find_files(PACKAGE, patterns).items()}
    files["app.py"] = APP.format(run=names[0], beside=names[1:]).encode("utf-8")
    task = task_of_run(run_folder(run), run).name
    extras = ("demo", "explain", "translation") if task == TRANSLATION else ("demo", "explain")
    files["requirements.txt"] = (first + list_requirements(extras)).encode("utf-8")
    repo_id = open_repository(repo_id, "space", private=private, token=token, space_sdk="gradio")
    models = [name for name in names if not name.startswith("runs/")]
    files[CARD] = _card(repo_id, models, task).encode("utf-8")
    old = [f"runs/*/{pattern}" for pattern in WEIGHTS]
    message = "Upload a page of modeling-lstm"
    return push_files(files, repo_id, message, repo_type="space", token=token, replaced=lambda _: old)


def list_requirements(extras: Sequence[str] = ("demo", "explain")) -> str:
    """
    List the requirements of this package with these extras, one per line, except gradio. torch has the installed
    version without its suffix, which an index for CPUs also has.
    """
    try:
        needed = requires("modeling-lstm") or []
    except PackageNotFoundError as error:
        raise InputError(
            "modeling-lstm must be installed to list its requirements for a Space: pip install it first."
        ) from error
    lines = set()
    for one in map(Requirement, needed):
        is_needed = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras)
        if one.name == "torch":
            lines.add(f"torch=={Version(version('torch')).public}")
        elif is_needed and one.name != "gradio":  # Spaces have gradio preinstalled, in the version given in the card
            lines.add(f"{one.name}{one.specifier}")
    return "\n".join(sorted(lines)) + "\n"


def _more_requirements(path: Path) -> str:
    """Read the lines of a requirements file, without secrets, as the Space may be public."""
    require(path.is_file(), f"There is no requirements file {str(path)!r}.")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not UTF-8 text: name a requirements file of pip.") from error
    is_secret = re.search(r"//[^/\s]*@", text) or hide_tokens(text) != text
    require(not is_secret, f"{str(path)!r} holds a password or a token, which anyone could read there: remove it.")
    return text + "\n" if text else ""


def _card(repo_id: str, models: list[str], task: str) -> str:
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
    text = f"A page made by `modeling-lstm demo`: {DESCRIPTIONS[task]}"
    return mark_card(str(SpaceCard(f"---\n{data.to_yaml()}\n---\n\n# {repo_id.rsplit('/', 1)[-1]}\n\n{text}\n")))
