"""The page as a Space of the Hub: the page's program, this package's source, and the runs or their names on the Hub."""

import re
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from ..hub.card_marks import mark_card
from ..hub.uploads import CARD, Push, create_repository, find_files, push_files
from ..publishing.sharing import WEIGHTS, run_files
from ..runs.run_folders import load_run
from ..utils.errors import InputError, hide_tokens, require

PACKAGE = Path(__file__).parent.parent
APP = '''"""A page on which a model of modeling-lstm can be tried and looked into."""

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
    Push the page to a Space, made if it does not exist, in one commit. Runs that are folders here go with it.

    Args:
        run: Run folder or Hub id of the model that is looked into.
        beside: Runs whose answers stand beside.
        repo_id: `owner/name` of the Space.
        more_requirements: A file whose lines begin the Space's `requirements.txt`. PyPI's torch is the one for GPUs, of
            gigabytes; a line `--extra-index-url ADDRESS`, of an index with torch for CPUs, gives a Space that one.

    Raises:
        InputError: a run or the file of requirements cannot be used, or the Hub refuses.
    """
    files: dict[str, Path | bytes] = {}
    names = []
    first = "" if more_requirements is None else _more_requirements(Path(more_requirements))
    for number, one in enumerate([run, *beside]):
        load_run(one)  # what cannot be opened is not shared
        folder = Path(one)
        if folder.is_dir():
            names.append(f"runs/{number}-{folder.resolve().name}")
            files |= {f"{names[-1]}/{name}": path for name, path in run_files(folder).items()}
        else:
            names.append(one)
    patterns = ("**/*.py", "**/*.html", "**/*.md")
    files |= {f"{PACKAGE.name}/{name}": path for name, path in find_files(PACKAGE, patterns).items()}
    files["app.py"] = APP.format(run=names[0], beside=names[1:]).encode("utf-8")
    files["requirements.txt"] = (first + list_requirements()).encode("utf-8")
    repo_id = create_repository(repo_id, "space", private=private, token=token, space_sdk="gradio")
    files[CARD] = _card(repo_id, [name for name in names if not name.startswith("runs/")]).encode("utf-8")
    old = [f"runs/*/{pattern}" for pattern in WEIGHTS]
    message = "Upload a page of modeling-lstm"
    return push_files(files, repo_id, message, repo_type="space", token=token, replaced=old)


def list_requirements() -> str:
    """What this package and its page need, a line each; of torch the version here, which an index for CPUs has too."""
    try:
        needed = requires("modeling-lstm") or []
    except PackageNotFoundError as error:
        raise InputError(
            "modeling-lstm must be installed to tell a Space what it needs: pip install it first."
        ) from error
    lines = set()
    for one in map(Requirement, needed):
        is_needed = one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in ("demo", "explain"))
        if one.name == "torch":
            lines.add(f"torch=={Version(version('torch')).public}")
        elif is_needed and one.name != "gradio":  # a Space brings it along, in the version that its card names
            lines.add(f"{one.name}{one.specifier}")
    return "\n".join(sorted(lines)) + "\n"


def _more_requirements(path: Path) -> str:
    """The lines of a file of pip's requirements, which everybody may read on the Space."""
    require(path.is_file(), f"There is no file {str(path)!r} of requirements.")
    try:
        text = path.read_text(encoding="utf-8").strip()
    except UnicodeDecodeError as error:
        raise InputError(f"{str(path)!r} is not text in UTF-8: name a file of pip's requirements.") from error
    is_secret = re.search(r"//[^/\s]*@", text) or hide_tokens(text) != text
    require(not is_secret, f"{str(path)!r} holds a password or a token, which everybody could read there: take it out.")
    return text + "\n" if text else ""


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
    return mark_card(str(SpaceCard(f"---\n{data.to_yaml()}\n---\n\n# {repo_id.rsplit('/', 1)[-1]}\n\n{text}\n")))
