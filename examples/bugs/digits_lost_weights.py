"""Losses of shape (b,) meet weights of shape (b, 1): every loss gets the weight of every image, so weights do nothing.

Nine out of ten eights are missing from the training images, and the rare class should count ten times as much.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from examples.digits_vit import Digits, DigitsViT, confusion, load_split, rates
from shapecheck import contract

RARE = 8


@contract
def weighted_loss(
    logits: Float[Tensor, "b c"], labels: Int[Tensor, "b"], weights: Float[Tensor, "c 1"]
) -> Float[Tensor, ""]:
    losses = F.cross_entropy(logits, labels, reduction="none")
    return (losses * weights[labels]).mean()  # BUG: implicit-broadcast [guard=BroadcastError lint static]


def with_few(data: Digits, label: int) -> Digits:
    """All the images except nine of ten of one class."""
    keep = data.labels != label
    keep[torch.nonzero(~keep).flatten()[::10]] = True
    return Digits(data.images[keep], data.labels[keep])


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    training = with_few(training, RARE)
    counts = training.labels.bincount()
    weights = (counts.sum() / counts).unsqueeze(1)
    model = DigitsViT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for indices in torch.randperm(len(training.labels)).split(32):
            loss = weighted_loss(model(training.images[indices]), training.labels[indices], weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    recall = rates(confusion(model, test)).diagonal()[RARE].item()
    print(f"recall of the rare digit {RARE}: {recall:.2f}")


if __name__ == "__main__":
    main()
