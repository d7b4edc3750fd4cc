"""`evaluate` switches to eval mode and nobody switches back: dropout is off from the second epoch on."""

import torch
from torch import nn
from torch.nn import functional as F

from examples.digits_vit import Digits, DigitsViT, load_split


def evaluate(model: nn.Module, data: Digits) -> float:
    model.eval()  # BUG: eval-mode-not-restored [lint]
    with torch.inference_mode():
        return (model(data.images).argmax(dim=1) == data.labels).float().mean().item()


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT(dropout=0.3)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    model.train()
    modes = []
    for _ in range(epochs):
        modes.append("on" if model.training else "off")
        for indices in torch.randperm(len(training.labels)).split(32):
            loss = F.cross_entropy(model(training.images[indices]), training.labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        score = evaluate(model, test)
    print(f"test accuracy {score:.3f}; dropout by epoch: {' '.join(modes)}")


if __name__ == "__main__":
    main()
