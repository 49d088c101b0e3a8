"""What the tests of pretraining share: texts without labels, and settings of a small model."""

from pathlib import Path

import pytest

from tests.conftest import opinion_rows, write_csv

SMALL = (
    "--embedding_size 8 --hidden_size 10 --min_frequency 1 --per_device_train_batch_size 4 --block_size 10 "
    "--num_train_epochs 2 --learning_rate 0.02 --disable_tqdm true --use_cpu true"
).split()


@pytest.fixture(scope="package")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Texts of three kinds in three splits, and no labels."""
    folder = tmp_path_factory.mktemp("corpus")
    for split, number in (("train", 150), ("validation", 30), ("test", 21)):
        rows = [(f"{text} and number {n % 5}",) for n, (text, _) in enumerate(opinion_rows(number))]
        write_csv(folder / f"{split}.csv", rows, ("text",))
    return folder
