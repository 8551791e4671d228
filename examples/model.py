"""Models, and where to find them by name."""

import math
from typing import Dict, Optional

MODELS = {}


def register(name, aliases=()):
    """Class decorator."""

    def decorator(cls):
        for known in (name, *aliases):
            MODELS[known] = cls
        return cls

    return decorator


def unregister(prefix: str):
    """Removes every model whose name starts with `prefix`."""
    for name in MODELS.keys():
        if name.startswith(prefix):
            MODELS.pop(name)


def build(name: str, options: Dict[str, float] = {}):
    options.setdefault("rate", 0.1)
    return MODELS[name](**options)


@register("logistic", aliases=["logreg"])
class LogisticRegression:
    """Weights for words, trained one example at a time."""

    def __init__(self, rate, decay=0.0):
        self.rate = rate
        self.decay = decay
        self.weights = {}
        self.bias = 0.0
        self.frozen = set()

    def score(self, features):
        total = self.bias + sum(self.weights.get(word, 0.0) * count for word, count in features.items())
        return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, total))))

    def step(self, features, liked) -> float:
        """One step of gradient descent. Returns the loss before it."""
        score = self.score(features)
        error = score - liked
        for word, count in features.items():
            if word in self.frozen:
                continue
            weight = self.weights.get(word, 0.0)
            self.weights[word] = weight - self.rate * (error * count + self.decay * weight)
        self.bias -= self.rate * error
        return -math.log(max(score if liked else 1.0 - score, 1e-12))

    def thaw(self, words):
        """Trains the weights of these words again."""
        for word in self.frozen:
            if word in words:
                self.frozen.discard(word)

    def sparsify(self, threshold):
        """Removes weights that hardly matter."""
        for word, weight in self.weights.items():
            if abs(weight) < threshold:
                self.weights.pop(word)


@register("majority")
class Majority:
    """Always says what most of the examples say."""

    def __init__(self, rate: Optional[float] = None):
        self.votes = 0

    def score(self, features):
        return float(self.votes > 0)

    def step(self, features, liked):
        self.votes += 1 if liked else -1
        return 0.0
