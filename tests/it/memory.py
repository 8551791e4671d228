"""Says of calls into PyTorch and NumPy which memory they give back, write to, or make up. Run by `memory.rs`.

`python memory.py groups` lists expressions, in groups of one name each. `python memory.py ask` reads `[expressions, count]`,
where `count` says how many chains of two of them are tried besides, and gives a list of `[expression, gives, writes, varies]`:
the names whose memory the result looks at, those that are changed, and whether the same arguments give another result. Only
what can be evaluated is in the list. `python memory.py record > memory.tsv` takes some minutes, and writes the lines that
every test run reads.
"""

import inspect
import json
import os
import random
import signal
import sys
import warnings
from typing import TextIO

import numpy as np
import torch
import torch.nn.functional as F

warnings.simplefilter("ignore")
torch.set_num_threads(1)
torch.set_grad_enabled(False)

# What each receiver is; the names of the arguments are those of `memory.rs`.
BASES = [
    lambda: torch.arange(6, dtype=torch.float32).view(2, 3) + 0.25,
    lambda: torch.arange(3, dtype=torch.float32) + 0.25,
    lambda: torch.tensor(1.5),
    lambda: torch.tensor([[[2.5]]]),
    lambda: torch.tensor([2, 0, 1]),
    lambda: torch.tensor([True, False, True]),
    lambda: (torch.arange(9, dtype=torch.float64).view(3, 3) + torch.eye(3, dtype=torch.float64) * 20).t(),
    lambda: torch.arange(4, dtype=torch.float32).view(1, 1, 2, 2),
    lambda: torch.tensor([1 + 2j, 3 - 1j]),
]
ARGUMENTS = [
    "", "0", "1", "-1", "0, 1", "1, 0", "0, 0, 1", "0, 0, 1, 0", "-1, 1", "1, 1", "0.0", "1.0", "0.0, 1.0", "None", "()", "(0,)",
    "(1, 0)", "dim=0", "dim=()", "y", "y, y", "m", "m, 0.0", "m, y", "i", "0, i", "0, i, y", "0, i, 0.0", "(i,), y", "y, 0.0",
    "y.shape", "y.numel()", "-1, *y.shape", "torch.float32", "torch.float64", "'cpu'", "'cpu', torch.float32", "y, m, y",
    "0.0, False", "0.0, True", "inplace=True", "y, reduction='none'", "y, reduction='sum'", "[0]", "[0], [0]", "2", "3, 0",
]  # fmt: skip
LISTS = ["[x]", "[x, y]", "(x,)", "m, x, x", "m, x, 0.0", "'ij->ij', x", "'i->i', x", "'...->...', x", "x.shape", "out=x"]
# Names that are no functions of a tensor, ask for much memory, or change the process.
LEFT = ["set_", "use_", "manual", "seed", "save", "load", "fork", "wait", "import_", "share_memory", "pin_memory", "compile",
        "register", "autocast", "get_num", "init_", "cudnn", "miopen", "mkldnn", "fbgemm", "quant", "segment", "classes",
        "storage", "resize", "__set", "__init", "__new", "__del", "__reduce", "__getattr", "__dir", "__class", "__sub",
        "__cuda", "__dlpack", "is_shared", "combinations", "cartesian", "as_strided", "empty_strided", "from_file", "source", "lookfor", "who"]  # fmt: skip
MODULES = ["", "0.0", "1", "3", "3, 3", "1, 1, 1", "0", "inplace=True", "0.0, True", "-1.0, 1.0, True", "0.5", "1, 1", "0, 0.0"]
OTHERS = [
    "+x", "-x", "~x", "x + 0", "x * 1", "x - 0", "x / 1", "x ** 1", "x // 1", "x % 2", "x @ x", "x & x", "x | x", "x ^ x",
    "x << 0", "x == y", "x < y", "x[0]", "x[:]", "x[...]", "x[None]", "x[:, 0]", "x[m]", "x[i]", "x[[0]]", "x[()]", "x[0:1]",
    "x[i, i]", "x[True]", "x if len(x.shape) else y", "y if len(x.shape) else x", "x or y", "x and y", "(x)", "(z := x)", "not x",
    "abs(x)", "max(x)", "min(x)", "sum(x)", "sum(x, x)", "list(x)", "tuple(x)", "sorted(x)", "round(x)", "reversed(x)",
    "iter(x)", "next(iter(x))", "max(x, y)", "pow(x, 1)", "divmod(x, 1)", "max(x, key=len)", "{**{'a': x}}", "[x]", "(x, y)",
    "[*x]", "[z for z in x]", "torch.cat([x, y])[0]", "float(x)", "int(x)", "bool(x)", "len(x)", "str(x)", "f'{x}'",
    "x.add_(1)", "x.clamp_(0, 1)", "x.zero_().sum()", "x.t_()", "x.unsqueeze_(0)", "x.squeeze_()", "x.detach_()",
    "x.requires_grad_(False)", "torch.add(y, 1, out=x)", "torch.zeros(1, out=x)", "np.add(y, 1, out=x.numpy())",
    "x.numpy().sort()", "x.numpy().fill(0)", "x.copy_(y)", "y.copy_(x)", "y.set_(x)", "x.set_(y)", "torch.max(x, 0)",
    "torch.max(x, 0).values", "x.max(0)[0]", "x.sort().values", "x.topk(1)[0]", "torch.tensor(x)", "x.new_tensor(x)",
    "x.numpy().astype('float32', copy=False)", "x.numpy().astype('float32')", "np.array(x.numpy(), copy=False)",
    "torch.from_numpy(x.numpy())", "torch.tensor(x.numpy())", "x.numpy().copy()", "x.numpy()[0]", "x.numpy().T",
    "torch.repeat_interleave(x, 1)", "x.sum(0, keepdim=True)", "torch.nn.init.zeros_(x)", "torch.nn.init.ones_(x)",
    "torch.nn.init.constant_(x, 0.0)", "torch.special.expit(x)", "torch.linalg.diagonal(x)", "torch.linalg.norm(x)",
    "torch.nn.Parameter(x)", "torch.nn.Parameter(x).data", "torch.Tensor(x)", "torch.FloatTensor(x)",
    "torch.utils.data.default_convert(x)", "torch.nn.utils.parameters_to_vector([x])", "torch.autograd.Variable(x)",
]  # fmt: skip


def names(module: object) -> list[str]:
    return [name for name in dir(module) if not any(part in name for part in LEFT)]


def groups() -> list[list[str]]:
    """Ways to call each thing, whether or not it can be called so. The first way of each group says what it is."""
    found = [[other] for other in OTHERS]
    for name in names(torch.Tensor):
        found += [[f"x.{name}"], [f"x.{name}({given})" for given in ARGUMENTS]]
    places = [(torch, "torch"), (F, "F"), (torch.linalg, "torch.linalg"), (torch.special, "torch.special"), (torch.fft, "torch.fft")]
    for module, spelled in places:
        for name in names(module):
            if callable(value := getattr(module, name)) and not inspect.isclass(value) and not name.startswith("_"):
                given = [", ".join(filter(None, ["x", given])) for given in ARGUMENTS] + LISTS
                found.append([f"{spelled}.{name}({given})" for given in given])
    for name in names(np):
        if callable(value := getattr(np, name)) and not inspect.isclass(value) and not name.startswith("_"):
            for receiver in ["x", "x.numpy()"]:
                found.append([f"np.{name}({', '.join(filter(None, [receiver, given]))})" for given in ARGUMENTS[:16]])
    for name in names(np.ndarray):
        found += [[f"x.numpy().{name}"], [f"x.numpy().{name}({given})" for given in ARGUMENTS[:16]]]
    for name in names(torch.nn):
        if inspect.isclass(value := getattr(torch.nn, name)) and issubclass(value, torch.nn.Module):
            calls = [f"torch.nn.{name}({given}){mode}(x)" for given in MODULES for mode in ["", ".eval()"]]
            found.append(calls + [f"torch.nn.{name}({given})(x, y)" for given in ["", "reduction='none'"]])
    return found


def spans(value: object, depth: int = 0) -> list[tuple[int, int]]:
    """The memory that a value looks at, as ranges of addresses."""
    if isinstance(value, (list, tuple)) and depth < 2:
        return [span for part in list(value)[:4] for span in spans(part, depth + 1)]
    if isinstance(value, dict) and depth < 2:
        return spans(list(value.values()), depth + 1)
    if isinstance(value, np.ndarray) and value.size:
        start, end = np.byte_bounds(value)
        return [(start, end)]
    if isinstance(value, torch.Tensor) and value.layout == torch.strided and value.numel():
        start = value.storage().data_ptr()
        return [(start, start + len(value.storage()) * value.element_size())]
    if type(value).__name__.endswith("Storage") and hasattr(value, "data_ptr"):
        return [(value.data_ptr(), value.data_ptr() + 1)]
    return []


def alike(one: object, other: object) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.shape == other.shape and bool(torch.isclose(one, other, equal_nan=True).all())
    if isinstance(one, np.ndarray):
        return one.shape == other.shape and bool((one == other).all() or (one != one).any())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(alike(a, b) for a, b in zip(one, other))
    return True


class Inputs:
    """The tensors that an expression may name, and what they were before."""

    def __init__(self, base: int) -> None:
        x = BASES[base]()
        y = BASES[base]() + 1 if x.dtype != torch.bool else BASES[base]()
        mask, index = torch.ones(x.shape, dtype=torch.bool), torch.zeros(x.shape, dtype=torch.long)
        self.given = {"x": x, "y": y, "m": mask, "i": index}
        self.before = {name: (tensor, tensor.clone(), spans(tensor)) for name, tensor in self.given.items()}

    def written(self) -> list[str]:
        """Those that are no longer what they were, in their values or their shape."""
        return [name for name, (tensor, old, held) in self.before.items() if spans(tensor) != held or not same(tensor, old)]


def same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and one.stride() == other.stride() and torch.equal(one, other)


INPUTS: dict[int, Inputs] = {}


def asked(expression: str) -> list[object] | None:
    try:
        code = compile(expression, "expression", "eval")
    except SyntaxError:
        return None
    found: list[object] | None = None
    for base in range(len(BASES)):
        inputs = INPUTS.pop(base, None) or Inputs(base)
        try:
            values = []
            for seed in range(2):
                torch.manual_seed(seed)
                values.append(eval(code, {"torch": torch, "F": F, "np": np}, inputs.given))
        except TypeError:
            INPUTS[base] = inputs
            # What does not take these arguments takes them of no tensor.
            if base == 1 and not found:
                return None
            continue
        except Exception:
            continue
        found = found or [expression, [], [], False]
        for span in spans(values[0]):
            gives = [name for name, (*_, held) in inputs.before.items() if any(span[0] < b and a < span[1] for a, b in held)]
            found[1] = sorted({*found[1], *gives})
        if written := inputs.written():
            found[2] = sorted({*found[2], *written})
        else:
            try:
                found[3] = found[3] or not alike(*values)
            except Exception:
                pass
            if type(values[0]) in (torch.Tensor, float, int, bool):
                INPUTS[base] = inputs
    return found


def apart(all_of_them: list[str]) -> list[list[object]]:
    """Asks in child processes, because a few calls end theirs; what is behind such a call is asked in the next one."""
    answers: list[list[object]] = []
    at = 0
    while at < len(all_of_them):
        read, write = os.pipe()
        if (pid := os.fork()) == 0:
            with os.fdopen(write, "w") as out:
                for number in range(at, len(all_of_them)):
                    signal.alarm(5)
                    out.write(json.dumps([number, asked(all_of_them[number])]) + "\n")
                    out.flush()
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as lines:
            for line in lines:
                number, found = json.loads(line)
                at = number + 1
                if found:
                    answers.append(found)
        if os.waitpid(pid, 0)[1]:
            at += 1
    return answers


def record(out: TextIO) -> None:
    """Of each group, two ways to get at memory, write to it, or make something up."""
    group_of = {expression: number for number, group in enumerate(groups()) for expression in group}
    seen: dict[tuple[int, str], int] = {}
    for expression, gives, writes, varies in apart(list(group_of)):
        kind = (group_of[expression], str([gives, writes, varies]))
        seen[kind] = seen.get(kind, 0) + 1
        if (gives or writes or varies) and seen[kind] <= 2:
            print(expression, ",".join(gives), ",".join(writes), "varies" if varies else "", sep="\t", file=out)


def ask(all_of_them: list[str], count: int) -> list[list[object]]:
    single = apart(all_of_them)
    # Calls on what calls give: each part is known to be possible.
    choice = random.Random(0)
    methods = [found[0] for found in single if found[0].startswith("x.") and found[0].endswith(")")]
    pairs = [(choice.choice(single)[0], choice.choice(methods)) for _ in range(count)]
    return single + apart([f"({inner}){outer[1:]}" for inner, outer in pairs])


def main() -> None:
    answer = sys.stdout
    sys.stdout = sys.stderr = open(os.devnull, "w")
    if sys.argv[1] == "groups":
        json.dump(groups(), answer)
    elif sys.argv[1] == "ask":
        json.dump(ask(*json.load(sys.stdin)), answer)
    else:
        record(answer)


main()
