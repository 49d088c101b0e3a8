"""Texts whose words have no blanks between them are learned by the default settings, from the command line."""

import random
from pathlib import Path

import pytest

from modeling_lstm.cli import main
from modeling_lstm.runs.record import read_record
from tests.conftest import TRAIN_FLAGS, write_csv

# a thing, "before" and "now", words of praise and words of blame
LANGUAGES = {
    "Chinese": (["这部电影", "那本小说", "我的手机"], "以前", "现在", ["好看", "精彩"], ["难看", "无聊"]),
    "Japanese": (["この映画は", "コーヒーは"], "昔", "今", ["良かった", "最高だ"], ["悪かった", "退屈だ"]),
    "Thai": (["หนังเรื่องนี้", "โรงแรมนี้"], "เมื่อก่อน", "ตอนนี้", ["ดีมาก", "สวยงาม"], ["แย่มาก", "น่าเบื่อ"]),
}  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_order_of_words_without_blanks_is_learned(tmp_path: Path, language: str) -> None:
    things, before, now, praise, blame = LANGUAGES[language]
    rng = random.Random(0)
    for split, number in (("train", 160), ("validation", 60)):
        rows = []
        for n in range(number):
            words = [rng.choice(praise), rng.choice(blame)] if n % 2 else [rng.choice(blame), rng.choice(praise)]
            rows.append((f"{rng.choice(things)}{before}{words[0]}{now}{words[1]}", "worse" if n % 2 else "better"))
        write_csv(tmp_path / "data" / f"{split}.csv", rows)
    flags = ["--dataset", str(tmp_path / "data"), "--output_dir", str(tmp_path / "run"), *TRAIN_FLAGS]
    flags += ["--embedding_size", "16", "--hidden_size", "16", "--num_train_epochs", "12", "--learning_rate", "0.02"]
    assert main(["train", *flags]) == 0
    assert read_record(tmp_path / "run")["metrics"]["validation"]["accuracy"] > 0.95
