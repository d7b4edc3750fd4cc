"""`cross_entropy` of probabilities: it applies softmax itself, so the loss can't fall below 1.46 and gradients fade."""

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
            probabilities = F.softmax(model(data.images[indices]), dim=1)
            loss = F.cross_entropy(probabilities, data.labels[indices])  # BUG: softmax-before-cross-entropy [lint]
            optimizer.zero_grad()
            loss.backward()
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
