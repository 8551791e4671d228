"""A small classifier: one training loop and one evaluation loop, written as they usually are."""

import sys

import torch
import torch.nn.functional as F
from torch import nn

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def batches(count, size):
    """Random images with labels that depend on them; the same in every run."""
    generator = torch.Generator().manual_seed(0)
    for _ in range(count):
        images = torch.randn(size, 3, 16, 16, generator=generator)
        yield images, (images.mean(dim=(1, 2, 3)) > 0).long()


def make_model():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4096, 2)
    ).to(DEVICE)


def train(model, loader):
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    running_loss, seen = 0.0, 0
    accuracies = []
    for images, labels in loader:
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        smooth = torch.full((len(images), 2), 0.05).to(DEVICE)
        smooth.scatter_(1, labels[:, None], 0.95)
        optimizer.zero_grad()
        output = model(images)
        loss = criterion(output, smooth)
        loss.backward()
        optimizer.step()
        running_loss += loss.item() * images.size(0)
        seen += images.size(0)
        accuracies.append(torch.eq(output.argmax(1), labels).float().mean().item())
    return running_loss / seen, accuracies[-1]


@torch.no_grad()
def evaluate(model, loader):
    test_loss = 0.0
    correct = 0
    for images, labels in loader:
        images, labels = images.to(DEVICE), labels.to(DEVICE)
        output = model(images)
        test_loss += F.cross_entropy(output, labels, reduction="sum").item()
        correct += torch.eq(output.argmax(1), labels).sum().item()
    return test_loss, correct


def main(steps=100, size=64):
    model = make_model()
    print("train", *train(model, batches(steps, size)))
    print("evaluate", *evaluate(model, batches(steps // 2, size)))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
