"""Bags of words, computed once per text."""

from data import tokenize


class FeatureCache:
    """Keeps what was computed in the last few epochs."""

    def __init__(self, keep=5):
        self.keep = keep
        self.epoch = 0
        self.entries = {}
        self.last_used = {}
        self.pinned = set()

    def get(self, text, index):
        if text not in self.entries:
            self.entries[text] = bag_of_words(text, index)
        self.last_used[text] = self.epoch
        return self.entries[text]

    def next_epoch(self):
        """Drops what has not been used for `keep` epochs."""
        self.epoch += 1
        for text in self.entries:
            if self.epoch - self.last_used[text] > self.keep:
                del self.entries[text]
                del self.last_used[text]

    def drop_one(self):
        """Makes room for one text: the loop ends with the removal, so it is right as it stands."""
        for text in self.entries:
            if text not in self.pinned:
                del self.entries[text]
                break


def bag_of_words(text, index, bag={}):
    """How often each known word stands in the text."""
    for token in tokenize(text):
        if token in index:
            bag[index[token]] = bag.get(index[token], 0) + 1
    return dict(bag)
