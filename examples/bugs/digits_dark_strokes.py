"""Images are stretched to 0..255 while they still are uint8: 16 * 16 wraps around, the darkest strokes turn blank."""

import torch
from jaxtyping import Float
from torch import Tensor

from examples.digits_vit import Digits, DigitsViT, accuracy, load_split, train
from shapecheck import contract


@contract
def stretch(images: Float[Tensor, "b h w"]) -> Float[Tensor, "b h w"]:
    """Gray levels 0..16 to 0..256."""
    return images * 16


def load_stretched() -> list[Digits]:
    """The digits as a program finds them that stores images as bytes."""
    stretched = []
    for part in load_split():
        pixels = (part.images * 16).to(torch.uint8)
        images = stretch(pixels)  # BUG: dtype-mismatch [contract=DtypeError lint static]
        stretched.append(Digits(images / 256, part.labels))
    return stretched


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_stretched()
    model = DigitsViT()
    train(model, training, epochs)
    print(f"darkest pixel {training.images.max().item():.2f} of 1.00, test accuracy {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
