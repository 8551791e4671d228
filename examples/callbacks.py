"""What happens between epochs."""


class Callback:
    def on_epoch_end(self, epoch, metrics):
        """Called with the metrics of the epoch."""

    def done(self):
        """Whether training may stop."""
        return False


class History(Callback):
    """Remembers every metric of every epoch."""

    def __init__(self, rows=[]):
        self.rows = rows

    def on_epoch_end(self, epoch, metrics):
        self.rows.append({"epoch": epoch, **metrics})


class EarlyStopping(Callback):
    """Stops when the loss has not become smaller for some epochs."""

    def __init__(self, patience=3):
        self.patience = patience
        self.best = float("inf")
        self.waited = 0

    def on_epoch_end(self, epoch, metrics):
        self.waited = 0 if metrics["loss"] < self.best else self.waited + 1
        self.best = min(self.best, metrics["loss"])

    def done(self):
        return self.waited >= self.patience


class Checkpoints(Callback):
    """Keeps the epochs with the smallest loss."""

    def __init__(self, keep=3):
        self.keep = keep
        self.kept = []

    def on_epoch_end(self, epoch, metrics):
        self.kept.append((metrics["loss"], epoch))
        worst = sorted(self.kept)[self.keep :]
        for checkpoint in self.kept:
            if checkpoint in worst:
                self.kept.remove(checkpoint)


def with_usual(callbacks: list[Callback] = [], patience=None):
    """The given callbacks, and those that every training needs."""
    callbacks.append(History())
    callbacks.append(Checkpoints())
    if patience is not None:
        callbacks.append(EarlyStopping(patience))
    return callbacks
