"""Runs a training script and counts how often it asks for the value of a tensor.

    python measure.py SCRIPT [STEPS] [BATCH]

A *read* is one call of a method that copies a value to the host. It is a *wait* when an operation was queued since the
last read: then the host stands still until the device has done it. On a GPU, `torch.cuda.set_sync_debug_mode` says as
well how often PyTorch itself saw the host wait.
"""

import runpy
import sys
import time
import warnings

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS = ["item", "tolist", "cpu", "numpy", "__float__", "__int__", "__bool__"]
# Looking at the same memory in another way is no work.
IDLE = {"_local_scalar_dense", "detach", "alias", "view", "unbind", "select", "slice", "t", "transpose"}


class Counter(TorchDispatchMode):
    """Counts reads and waits while it is entered."""

    reads = waits = 0
    pending = False

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.pending |= function.__name__.split(".")[0] not in IDLE
        return function(*args, **(kwargs or {}))

    def watch(self, name):
        original = getattr(torch.Tensor, name)

        def method(tensor, *args, **kwargs):
            if not sys._getframe(1).f_globals.get("__name__", "").startswith("torch"):
                self.reads += 1
                self.waits += self.pending
                self.pending = False
            return original(tensor, *args, **kwargs)

        setattr(torch.Tensor, name, method)
        return original


def run(main, arguments):
    """Seconds until the device has done everything."""
    start = time.perf_counter()
    main(*arguments)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def seen_by_torch(main, arguments):
    """How many times PyTorch warned that the host waits."""
    torch.cuda.set_sync_debug_mode("warn")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        main(*arguments)
    torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(warning.message) for warning in caught)


def measure(script, *arguments):
    main = runpy.run_path(script)["main"]
    # The first run also loads kernels.
    run(main, arguments)
    seconds = min(run(main, arguments) for _ in range(3))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    debug = seen_by_torch(main, arguments) if torch.cuda.is_available() else "no GPU"
    counter = Counter()
    originals = {name: counter.watch(name) for name in READS}
    with counter:
        main(*arguments)
    for name, original in originals.items():
        setattr(torch.Tensor, name, original)
    print(f"{device}: {counter.reads} reads, {counter.waits} waits, seen by torch: {debug}, {seconds:.3f} s")


if __name__ == "__main__":
    measure(sys.argv[1], *map(int, sys.argv[2:]))
