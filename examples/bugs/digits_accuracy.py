"""Guesses of shape (b, 1) are compared with labels of shape (b,): the accuracy is that of b x b random pairs.

Nothing is wrong with the model: somebody throws it away for an accuracy of one in ten.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from examples.digits_vit import DigitsViT, load_split, train
from shapecheck import contract


@contract
def accuracy(logits: Float[Tensor, "b c"], labels: Int[Tensor, "b"]) -> Float[Tensor, ""]:
    guesses = logits.argmax(dim=1, keepdim=True)
    return (guesses == labels).float().mean()  # BUG: implicit-broadcast [guard=BroadcastError lint static]


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    train(model, training, epochs)
    model.eval()
    with torch.inference_mode():
        logits = model(test.images)
    print(f"test accuracy {accuracy(logits, test.labels).item():.3f}")


if __name__ == "__main__":
    main()
