"""Predictions of shape (b, 1) meet targets of shape (b,): the loss averages all b x b pairs and learns the mean.

Reading a digit as a number: the transformer ends in one unit, and nobody squeezed its last dim.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from examples.digits_vit import DigitsViT, load_split
from shapecheck import contract


@contract
def squared_error(prediction: Float[Tensor, "b 1"], target: Float[Tensor, "b"]) -> Float[Tensor, ""]:
    return (prediction - target).square().mean()  # BUG: implicit-broadcast [guard=BroadcastError lint static]


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT(classes=1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for indices in torch.randperm(len(training.labels)).split(32):
            loss = squared_error(model(training.images[indices]), training.labels[indices].float())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.inference_mode():
        numbers = model(test.images).squeeze(1)
    off = (numbers - test.labels).abs().mean().item()
    print(f"off by {off:.2f} on average; answers between {numbers.min().item():.2f} and {numbers.max().item():.2f}")


if __name__ == "__main__":
    main()
