"""A journal of all trainings on this machine: one JSON object a line."""

import json
import threading

LOCK = threading.Lock()


def append(path, record):
    """Adds a line; threads take turns."""
    LOCK.acquire()
    line = json.dumps(record, sort_keys=True)
    journal = open(path, "a", encoding="utf-8")
    journal.write(line + "\n")
    journal.close()
    LOCK.release()


def read(path):
    """All records, oldest first."""
    return [json.loads(line) for line in open(path, encoding="utf-8")]
