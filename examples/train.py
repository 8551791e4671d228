"""Trains a classifier twice, with two learning rates, and says how well it does.

python examples/train.py [--epochs N] [--journal FILE]
"""

import argparse
import random

import journal
from callbacks import with_usual
from data import Vocabulary, batches, make_reviews, tokenize
from evaluate import confusion, metrics_of, report
from features import FeatureCache
from model import build


def train(reviews, rate, epochs, callbacks=()):
    """Returns the model and a function that turns a text into features."""
    vocabulary = Vocabulary()
    for review in reviews:
        vocabulary.add(tokenize(review.text))
    index = vocabulary.index()
    cache = FeatureCache()
    model = build("logistic", {"rate": rate})
    for epoch in range(epochs):
        # Most of the reviews, and others in each epoch.
        chosen = random.Random(epoch).sample(reviews, len(reviews) // 2)
        losses = []
        for batch in batches(chosen, 16, []):
            for review in batch:
                losses.append(model.step(cache.get(review.text, index), review.liked))
        cache.next_epoch()
        metrics = {"loss": sum(losses) / len(losses)}
        for callback in callbacks:
            callback.on_epoch_end(epoch, metrics)
        if any(callback.done() for callback in callbacks):
            break
    return model, lambda text: cache.get(text, index)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--journal", metavar="FILE", help="add a line for each training to FILE")
    args = parser.parse_args()
    reviews, held_out = make_reviews(200, seed=0), make_reviews(100, seed=1)
    for rate in (0.05, 0.5):
        callbacks = with_usual()
        model, features = train(reviews, rate, args.epochs, callbacks)
        rows = [(features(review.text), review.liked) for review in held_out]
        metrics = metrics_of(confusion(model, rows))
        print(f"rate {rate}: {len(callbacks)} callbacks, {report(metrics)}")
        if args.journal:
            journal.append(args.journal, {"rate": rate, **metrics})
    if args.journal:
        print(f"{len(journal.read(args.journal))} trainings so far")


if __name__ == "__main__":
    main()
