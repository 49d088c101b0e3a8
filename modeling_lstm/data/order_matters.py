"""`order-matters`, the built-in dataset: opinions in three classes that only the order of the words reveals.

Every draw from the grammar gives three sentences of exactly the same words and punctuation, one for each label. A model
that looks only at the words gives the same answer to all three and is right once: 33.3%, by construction.
"""

import random
from collections.abc import Iterator

from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

LABELS = ("negative", "neutral", "positive")
TRIPLES = {"train": 5_600, "validation": 500, "test": 600}  # three sentences each
SEED = 1997

# Adjectives, which may stand before a noun, then phrases, which may not
ADJECTIVES: dict[str, tuple[str, ...]] = {
    "negative": (
        "awful", "bad", "terrible", "dreadful", "horrible", "poor", "disappointing", "boring", "unbearable", "useless",
        "painful", "shabby", "lousy", "hopeless", "appalling",
    ),
    "neutral": (
        "so-so", "average", "ordinary", "mediocre", "okay", "passable", "acceptable", "unremarkable", "middling", "fair",
        "tolerable", "standard", "adequate", "unexceptional", "forgettable",
    ),
    "positive": (
        "great", "good", "wonderful", "excellent", "brilliant", "superb", "delightful", "fantastic", "unbelievable",
        "outstanding", "charming", "splendid", "lovely", "perfect", "amazing",
    ),
}  # fmt: skip
PHRASES: dict[str, tuple[str, ...]] = {
    "negative": ("a disgrace", "a disaster", "a waste of money", "beyond comprehension", "an insult"),
    "neutral": (
        "nothing special",
        "neither here nor there",
        "all right",
        "run of the mill",
        "nothing to write home about",
    ),
    "positive": ("a joy", "a masterpiece", "a triumph", "worth every penny", "beyond praise"),
}
THINGS = (
    "movie", "film", "book", "service", "food", "hotel", "room", "staff", "story", "music", "acting", "ending", "plot", "meal",
    "dessert", "coffee", "phone", "screen", "battery", "camera", "game", "concert", "course", "lesson", "trip", "view",
    "design", "sound", "price", "delivery",
)  # fmt: skip
PEOPLE = ("my friend", "the critic", "my sister", "the guide", "everybody", "the reviewer", "my boss", "a neighbour")

# A verdict of the writer and a remark on what others say, as two sentences in either order
VERDICTS = ("{x} {t}", "{x}", "I rate it {x}", "the {t} was {x}", "{x} , that {t}")
REMARKS = (
    "{p} says {y} or {z}",
    "some write {y} , others {z}",
    "you may read {y} or even {z} elsewhere",
    "{p} would have it {y} or {z}",
)

# {x} is what the writer thinks; {y} and {z} are the other two opinions, in either order. The word orders of one frame
# hold the same words, so they can be combined freely.
FRAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "negation": (
        ("the {t} was {x} , not {y} and not {z} .", "not {y} and not {z} , the {t} was {x} ."),
        ("{x} {t} , not {y} , not {z} .", "not {y} , not {z} , {x} {t} ."),
        ("{x} , not {y} , not {z} .", "not {y} , not {z} , {x} ."),
        ("I rate it {x} , not {y} , never {z} .", "not {y} , never {z} , I rate it {x} ."),
        ("no , the {t} wasn't {y} or {z} , it was {x} .", "no , it wasn't {y} or {z} , the {t} was {x} ."),
        ("I can not call the {t} {y} or {z} , it is {x} .", "it is {x} , I can not call the {t} {y} or {z} ."),
    ),
    "aside": tuple((f"{one} . {two} .", f"{two} . {one} .") for one in VERDICTS for two in REMARKS),
    "contrast": (
        ("I expected something {y} or {z} but the {t} is {x} .", "the {t} is {x} but I expected something {y} or {z} ."),
        ("although it looked {y} at first and then {z} , the {t} was {x} .",
         "the {t} was {x} , although at first it looked {y} and then {z} ."),
        ("the {t} may seem {y} or {z} , yet it is {x} .", "{x} it is , yet the {t} may seem {y} or {z} ."),
        ("the rumours said {y} , the advert said {z} , but the {t} itself is {x} .",
         "the {t} itself is {x} , but the rumours said {y} , the advert said {z} ."),
    ),
    "comparison": (
        ("the {t} was more {x} than {y} or {z} .", "more {x} than {y} or {z} was the {t} ."),
        ("the {t} was much closer to {x} than to {y} , let alone {z} .",
         "to {x} the {t} was much closer than to {y} , let alone {z} ."),
        ("less {y} than I feared , less {z} than I hoped , the {t} was {x} .",
         "the {t} was {x} , less {y} than I feared , less {z} than I hoped ."),
        ("rather than {y} or {z} , I found the {t} {x} .", "I found the {t} {x} , rather than {y} or {z} ."),
    ),
    "quotation": (
        ('{p} said " {y} " and then " {z} " , but I say " {x} " .', 'I say " {x} " , but {p} said " {y} " and then " {z} " .'),
        ('" {y} or {z} " wrote {p} about the {t} ; to me it was " {x} " .',
         'to me it was " {x} " ; {p} wrote " {y} or {z} " about the {t} .'),
        ("{p} called the {t} {y} , others called it {z} , I called it {x} .",
         "I called it {x} , {p} called the {t} {y} , others called it {z} ."),
        ("do not believe {p} : the {t} is not {y} or {z} , it is {x} .",
         "the {t} is {x} , it is not {y} or {z} : do not believe {p} ."),
    ),
    "before and after": (
        ("the {t} was {y} before , then {z} , now it is {x} .", "now the {t} is {x} , before it was {y} , then {z} ."),
        ("the {t} went from {y} through {z} to {x} .", "from {y} through {z} to {x} went the {t} ."),
        ("{x} is what the {t} became , {y} at first and {z} later .", "{y} at first and {z} later , {x} is what the {t} became ."),
        ("it was {y} , then {z} , before the {t} became {x} .", "before it became {x} , the {t} was {y} , then {z} ."),
        ("last year the {t} was {y} or {z} , this year it is {x} .", "this year the {t} is {x} , last year it was {y} or {z} ."),
    ),
    "missed hope": (
        ("if only the {t} had been {y} or {z} , instead of {x} .", "instead of {x} , if only the {t} had been {y} or {z} ."),
        ("I hoped it was {y} , I would have taken {z} , but the {t} was {x} .",
         "the {t} was {x} , but I hoped it was {y} , I would have taken {z} ."),
        ("it should have been {y} , it could have been {z} , but the {t} was {x} .",
         "the {t} was {x} , but it should have been {y} , it could have been {z} ."),
    ),
}  # fmt: skip

# An unfulfilled wish reverses its word: a writer who wishes to say "great", but cannot, did not like it. If both ends
# are denied, the middle is left. {a} is the wish, {b} what others say; the two clauses come in either order.
WISHES = (
    ("I wish I could say the {t} was {a} but I can't", "{p} called it {b}"),
    ("I would love to say the {t} was {a} but I can not", "{p} found it {b}"),
    ("I wanted to call the {t} {a} but sadly I couldn't", "{p} thought it {b}"),
)
UNFULFILLED = "unfulfilled wish"


def _frame_triple(
    rng: random.Random, frame: tuple[str, ...], opinions: tuple[str, str, str], thing: str, person: str
) -> list[str]:
    """Make a sentence for each label from one frame: each opinion in turn is the writer's."""
    sentences = []
    for opinion in opinions:
        y, z = rng.sample([other for other in opinions if other != opinion], 2)
        sentences.append(rng.choice(frame).format(x=opinion, y=y, z=z, t=thing, p=person))
    return sentences


def _unfulfilled_triple(
    rng: random.Random, negative: list[str], positive: list[str], thing: str, person: str
) -> list[str]:
    """Make a sentence for each label from one unfulfilled wish and two opinions of each kind.

    In each sentence the clause about others holds both kinds, so it does not reveal the label.
    """
    wish, report = rng.choice(WISHES)
    sentences = []
    for wished in ([positive[0]], [negative[0], positive[0]], [negative[0]]):
        rest = [opinion for opinion in negative + positive if opinion not in wished]
        rng.shuffle(wished)
        rng.shuffle(rest)
        # one "or" and one comma in each sentence
        said = f"{rest[0]} , {rest[1]}" if len(wished) == 2 else f"{rest[0]} , {rest[1]} or {rest[2]}"
        clauses = [wish.format(t=thing, a=" or ".join(wished)), report.format(p=person, b=said)]
        sentences.append(" ; ".join(rng.sample(clauses, 2)) + " .")
    return sentences


def _split_of(negative: int, positive: int) -> str:
    """
    Return the split of a pair of a negative and a positive opinion: a tenth of the pairs each go to validation and
    test.
    """
    return {0: "validation", 1: "test"}.get((negative + positive) % 10, "train")


def _positions(rng: random.Random, length: int, number: int) -> list[int]:
    """
    Equivalent to `rng.sample(range(length), number)` for one or two of a few, but faster: most draws are discarded.
    """
    first = rng.randrange(length)
    if number == 1:
        return [first]
    second = rng.randrange(length - 1)
    return [first, length - 1 if second == first else second]


def _draw(rng: random.Random, known: dict[str, tuple[str, ...]], number: int, split: str) -> list[list[str]]:
    """
    Draw `number` opinions of each kind, such that each pair of a negative and a positive one belongs to the split.
    """
    lengths = [len(known[label]) for label in LABELS]
    while True:
        drawn = [_positions(rng, length, number) for length in lengths]
        if all(_split_of(one, other) == split for one in drawn[0] for other in drawn[2]):
            return [[known[label][n] for n in numbers] for label, numbers in zip(LABELS, drawn, strict=True)]


def triples(split: str) -> Iterator[tuple[str, list[str]]]:
    """Yield endless (family, [negative, neutral, positive sentence]) of a split; the three hold the same words."""
    rng = random.Random(f"{SEED} {split}")
    families = [*FRAMES, "aside", UNFULFILLED]  # asides count twice, because they hold the short verdicts
    opinions = {label: ADJECTIVES[label] + PHRASES[label] for label in LABELS}
    while True:
        family = rng.choice(families)
        thing, person = rng.choice(THINGS), rng.choice(PEOPLE)
        frame = rng.choice(FRAMES[family]) if family in FRAMES else ()
        known = ADJECTIVES if any("{x} {t}" in order for order in frame) else opinions
        negative, neutral, positive = _draw(rng, known, 1 if frame else 2, split)
        if not frame:
            sentences = _unfulfilled_triple(rng, negative, positive, thing, person)
        else:
            sentences = _frame_triple(rng, frame, (negative[0], neutral[0], positive[0]), thing, person)
        if rng.random() < 0.5:  # people write with or without a final period; all three do the same
            sentences = [sentence.removesuffix(" .") for sentence in sentences]
        yield family, sentences


def load_order_matters() -> DatasetDict:
    """
    Generate the dataset, the same each time: 16,800 train, 1,500 validation and 1,800 test sentences.

    Columns: `text`, `label` (negative, neutral, positive) and `family`, the part of the grammar that made the
    sentence. No pair of a negative and a positive opinion of validation or test occurs together in a train sentence.
    """
    features = Features({"text": Value("string"), "label": ClassLabel(names=list(LABELS)), "family": Value("string")})
    splits = DatasetDict()
    for split, wanted in TRIPLES.items():
        rows: dict[str, list[str | int]] = {"text": [], "label": [], "family": []}
        seen: set[str] = set()
        for family, sentences in triples(split):
            if not seen.isdisjoint(sentences):
                continue
            seen.update(sentences)
            rows["text"] += sentences
            rows["label"] += range(len(LABELS))
            rows["family"] += [family] * len(LABELS)
            if len(rows["text"]) == wanted * len(LABELS):
                break
        splits[split] = Dataset.from_dict(rows, features=features)
    return splits
