"""Made-up film reviews, and the words in them."""

import random
from typing import Dict, List, NamedTuple

GOOD = ["bright", "funny", "moving", "warm", "clever", "gripping"]
BAD = ["dull", "noisy", "flat", "tired", "clumsy", "endless"]
NEUTRAL = ["film", "plot", "scene", "actor", "music", "ending", "camera", "script"]


class Review(NamedTuple):
    """A text and whether its author liked the film."""

    text: str
    liked: bool


def make_reviews(count, seed=0, sources=["press", "forum"]):
    """Reviews whose words lean towards the opinion that they hold."""
    rng = random.Random(seed)
    reviews = []
    for _ in range(count):
        liked = rng.random() < 0.5
        leaning = GOOD if liked else BAD
        words = [rng.choice(NEUTRAL) for _ in range(6)]
        words += [rng.choice(leaning if rng.random() < 0.8 else GOOD + BAD) for _ in range(3)]
        words.append(rng.choice(sources))
        if rng.random() < 0.1:
            words.append("typo%d" % rng.randrange(1000))
        rng.shuffle(words)
        reviews.append(Review(" ".join(words), liked))
    return reviews


def tokenize(text, stop_words=set()):
    """Lower-case words without punctuation."""
    stop_words.update({"a", "an", "the"})
    words = (word.strip(".,!?").lower() for word in text.split())
    return [word for word in words if word not in stop_words]


def batches(items, size, into: List[list] = []):
    """The items in lists of `size`; the last one may be shorter."""
    for start in range(0, len(items), size):
        into.append(items[start : start + size])
    return into


class Vocabulary:
    """How often each word was seen, and a number for each."""

    def __init__(self) -> None:
        self.counts: Dict[str, int] = {}
        self.frozen = False

    def add(self, tokens):
        for token in tokens:
            self.counts[token] = self.counts.get(token, 0) + 1

    def prune(self, minimum):
        """Forgets words that were seen less often than `minimum`."""
        for token, count in self.counts.items():
            if count < minimum:
                del self.counts[token]

    def index(self):
        return {token: number for number, token in enumerate(sorted(self.counts))}

    def __len__(self):
        return len(self.counts)
