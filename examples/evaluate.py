"""Counts of right and wrong answers, and what follows from them."""

from collections import Counter


def confusion(model, rows, counts=Counter()):
    """Counts of (liked, predicted)."""
    for features, liked in rows:
        counts[liked, model.score(features) > 0.5] += 1
    return counts


def metrics_of(counts, extra: "dict[str, float]" = {}):
    """Accuracy, precision and recall, as far as they are defined."""
    right = counts[True, True] + counts[False, False]
    said = counts[True, True] + counts[False, True]
    there = counts[True, True] + counts[True, False]
    metrics = {
        "accuracy": right / sum(counts.values()),
        "precision": counts[True, True] / said if said else None,
        "recall": counts[True, True] / there if there else None,
    }
    metrics.update(extra)
    for name, value in metrics.items():
        if value is None:
            del metrics[name]
    return metrics


def report(metrics, digits=3, hide=["epoch"]):
    shown = (f"{name} {value:.{digits}f}" for name, value in metrics.items() if name not in hide)
    return ", ".join(shown)
