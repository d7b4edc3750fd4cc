"""Gradients are never set to zero: every step follows the sum of all gradients so far."""

import torch
from torch import nn
from torch.nn import functional as F

from examples.digits_vit import Digits, DigitsViT, accuracy, load_split


def train(model: nn.Module, data: Digits, epochs: int, batch: int = 32) -> list[float]:
    """Fit by AdamW with one cycle of the learning rate; the mean loss of every epoch."""
    steps = -(-len(data.labels) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, epochs=epochs, steps_per_epoch=steps)
    history = []
    for _ in range(epochs):
        running_loss = 0.0
        for indices in torch.randperm(len(data.labels)).split(batch):
            loss = F.cross_entropy(model(data.images[indices]), data.labels[indices])
            loss.backward()  # BUG: missing-zero-grad [lint]
            optimizer.step()
            schedule.step()
            running_loss += loss.item()
        history.append(running_loss / steps)
    return history


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    history = train(model, training, epochs)
    print(f"loss {history[-1]:.3f}, test accuracy {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
