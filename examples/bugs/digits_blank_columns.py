"""Columns of pixels are scaled to unit length and blank ones have none: 0/0 makes NaN of the model in one step."""

import torch
from jaxtyping import Float
from torch import Tensor

from examples.digits_vit import Digits, DigitsViT, accuracy, load_split, train
from shapecheck import contract


@contract(finite=True)
def unit_columns(images: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    """Every column of pixels at the same contrast."""
    return images / images.norm(dim=1, keepdim=True)  # BUG: non-finite [guard=NonFiniteError]


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = (Digits(unit_columns(part.images), part.labels) for part in load_split())
    model = DigitsViT()
    history = train(model, training, epochs)
    print(f"loss {history[-1]:.3f}, test accuracy {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
