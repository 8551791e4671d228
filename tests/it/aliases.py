"""Writes programs in which tensors have several names, are changed in place and are read in loops; runs pairs of programs.

`python aliases.py write SEED COUNT` gives a list of programs. `python aliases.py compare` reads a list of pairs, and gives the
places of those in the list that do not do the same, for a loop without a step, with one and with three. What raises an error
to begin with does not count. Run by `aliases.rs`.
"""

import contextlib
import io
import json
import random
import sys

import torch

HEAD = """import torch
import torch.nn.functional as F

def touch(held):
    for one in held:
        one.add_(1)

def f(t: torch.Tensor, steps):
    held, kept = [], []
    total = 0.0
    count = 0
"""
VECTORS = [
    "{} + 1", "{}.clone()", "{}.view(-1)", "{}[:]", "{}.detach()", "{}.float()", "{} * 2", "torch.squeeze({})", "{}.add_(1)",
    "torch.abs({})", "{}.contiguous()", "{}.flip(0)", "F.relu({})", "{}.cumsum(0)", "torch.zeros(3)", "torch.arange(3) + 0.5",
    "{}.unsqueeze(0)[0]", "torch.clone({})", "{}.data", "{}.flatten()", "+{}", "{}.reshape(3)", "torch.add({}, 1, out={})",
    "{}.cpu()", "torch.where({} > 0, {}, {} + 1)", "torch.linalg.diagonal({}.view(1, 3).expand(3, 3))", "{}.type_as({})",
    "torch.from_numpy({}.numpy())", "torch.as_tensor({})", "({} if count else {})", "F.dropout({}, 0.0)", "{}.clamp_(0, 3)",
]  # fmt: skip
NUMBERS = [
    "{}.sum()", "{}[0]", "{}.mean()", "{}.max()", "{}.view(-1)[1]", "F.mse_loss({}, {})", "torch.sum({})", "({} + {}).sum()",
    "{}.sum().view(1)",
]  # fmt: skip
PLAIN = [
    "total += NUMBER.item()", "kept.append(NUMBER.item())", "kept.append(float(NUMBER))", "print(NUMBER.item(), NUMBER.item())",
    "print({}.tolist()[0])", "print({}.tolist())", "print({}.cpu().sum())", "total += NUMBER.item() * count", "{}.add_(1)",
    "{}.mul_(0.5)", "{}.zero_()", "{}[1] = 2", "{}[0] += 1", "{} += 1", "{} = VECTOR", "held.append({})", "touch(held)",
    "kept.extend([x.item() for x in {}])", "count += 1", "kept.extend([{0}[q].item() for q in range(len({0}))])",
    "{}.view(-1)[0] = 3", "total = total + NUMBER.item()",
]  # fmt: skip


class Writer:
    def __init__(self, choice: random.Random) -> None:
        self.choice = choice
        self.names = ["t"]
        self.lines: list[str] = []

    def filled(self, text: str) -> str:
        text = text.replace("NUMBER", self.choice.choice(NUMBERS)).replace("VECTOR", self.choice.choice(VECTORS))
        if "{0}" in text:
            return text.format(self.choice.choice(self.names))
        while "{}" in text:
            text = text.replace("{}", self.choice.choice(self.names), 1)
        return text

    def bind(self) -> None:
        value = self.filled(self.choice.choice(VECTORS))
        self.names.append("abcdef"[len(self.names) - 1])
        self.lines.append(f"    {self.names[-1]} = {value}")

    def statement(self, indent: str, depth: int) -> None:
        number = len(self.lines)
        kind = self.choice.random()
        if kind < 0.08 and depth:
            end = self.choice.choice(["break", "continue"])
            self.lines += [f"{indent}if {self.choice.choice(['i > 1', 'len(kept) > 4', 'count > 3'])}:", f"{indent}    {end}"]
        elif kind < 0.16:
            value = self.filled("NUMBER")
            read = self.choice.choice(["total +=", "kept.append", "print"])
            read = f"{read} n{number}.item()" if read.endswith("=") else f"{read}(n{number}.item())"
            self.lines += [f"{indent}n{number} = {value}", f"{indent}{read}"]
            self.lines.append(f"{indent}n{number} {self.choice.choice(['+=', '*='])} 2")
        elif kind < 0.30 and depth < 2:
            walked = self.filled(self.choice.choice(["{}", "{}.view(-1)", "{} + 1", "{}.add_(1)", "range(len({}))"]))
            element = f"w{number}"
            if walked.startswith("range"):
                self.lines.append(f"{indent}for {element} in {walked}:")
                element = f"{walked[10:-2]}[{element}]"
            else:
                self.lines.append(f"{indent}for {element} in {walked}:")
            read = self.choice.choice(["total += {}.item()", "print({}.item())", "kept.append({}.item())"])
            self.lines.append(f"{indent}    {read.format(element)}")
            if self.choice.random() < 0.6:
                self.statement(indent + "    ", 2)
        else:
            self.lines.append(indent + self.filled(self.choice.choice(PLAIN)))

    def program(self) -> str:
        for _ in range(self.choice.randint(0, 4)):
            self.bind()
        for _ in range(self.choice.randint(0, 2)):
            self.statement("    ", 0)
        for _ in range(self.choice.randint(1, 2)):
            self.lines.append("    for i in range(steps):")
            for _ in range(self.choice.randint(2, 6)):
                self.statement("        ", 1)
        for _ in range(self.choice.randint(0, 1)):
            self.statement("    ", 0)
        values = ", ".join(f"{name}.tolist()" for name in self.names)
        return HEAD + "\n".join(self.lines) + f"\n    return total, count, kept, {values}, [one.tolist() for one in held]\n"


def outcome(program: str, steps: int) -> str | None:
    """What a program prints and returns; None when it raises an error."""
    torch.manual_seed(0)
    names: dict[str, object] = {"__name__": "program"}
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(program, "program.py", "exec"), names)
            value = names["f"](torch.tensor([1.0, 2.0, 3.0]), steps)  # type: ignore[operator]
    except Exception:
        return None
    return f"{out.getvalue()}{value}"


def main() -> None:
    if sys.argv[1] == "write":
        choice = random.Random(int(sys.argv[2]))
        json.dump([Writer(choice).program() for _ in range(int(sys.argv[3]))], sys.stdout)
        return
    torch.set_num_threads(1)
    wrong = []
    for number, (before, after) in enumerate(json.load(sys.stdin)):
        expected = [outcome(before, steps) for steps in (0, 1, 3)]
        actual = [outcome(after, steps) for steps in (0, 1, 3)]
        if any(one is not None and one != other for one, other in zip(expected, actual)):
            wrong.append(number)
    json.dump(wrong, sys.stdout)


main()
