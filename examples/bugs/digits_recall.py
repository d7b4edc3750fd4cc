"""A confusion matrix is divided by its row sums without keepdim: it is square, so its columns are divided instead.

What is printed as recall (of the true eights, how many were found) mixes two different classes in every entry.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from examples.digits_vit import DigitsViT, confusion, load_split, train
from shapecheck import contract


@contract
def rates(counts: Int[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    """The share of each true class (row) that was taken for each class (column)."""
    return counts / counts.sum(dim=1)  # BUG: dropped-keepdim [guard=KeepdimError lint static]


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    train(model, training, epochs)
    shares = rates(confusion(model, test))
    print("the shares of each true class add up to", " ".join(f"{total:.2f}" for total in shares.sum(dim=1).tolist()))


if __name__ == "__main__":
    main()
