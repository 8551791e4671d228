"""A small network on the same kind of task, for those who have PyTorch.

python examples/with_torch.py
"""

import torch
from torch import nn


def rates(peak, steps):
    """The learning rate of each epoch: a straight line up to `peak`."""
    return [rate.item() for rate in torch.linspace(0.1, peak, steps)]


def batches(count, device, size=32):
    """Points and whether they lie above the line through the origin."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        inputs = torch.randn(size, 2, generator=generator)
        yield inputs.to(device), (inputs[:, 1] > inputs[:, 0]).long().to(device)


def train(device, epochs=5):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)).to(device)
    criterion = nn.CrossEntropyLoss(weight=torch.ones(2).to(device))
    for epoch, rate in enumerate(rates(0.5, epochs)):
        optimizer = torch.optim.SGD(model.parameters(), lr=rate)
        total = 0.0
        steps = 0
        for inputs, labels in batches(20, device):
            loss = criterion(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
            steps += 1
        print(f"epoch {epoch}: rate {rate:.2f}, loss {total / steps:.3f}")


if __name__ == "__main__":
    train(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
