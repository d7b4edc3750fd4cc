"""What a user sends is checked by `assert`: under `python -O` a 4x16 picture is read as a digit, with confidence.

    python -O -m examples.bugs.digits_assert_upload

The healthy twin says `@contract(always=True)`, which stays.
"""

import torch
from torch import Tensor, nn

from examples.digits_vit import DigitsViT, load_split, train


def classify(model: nn.Module, image: Tensor) -> tuple[int, float]:
    """The digit on one image that a user sends, and how sure the model is."""
    assert image.shape == (8, 8), f"8x8 pixels, not {tuple(image.shape)}"  # BUG: assert-validates-input [lint]
    model.eval()
    with torch.inference_mode():
        confidence, digit = model(image.unsqueeze(0)).softmax(dim=1).max(dim=1)
    return int(digit), float(confidence)


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    train(model, training, epochs)
    picture = test.images[0].reshape(4, 16)
    try:
        digit, confidence = classify(model, picture)
    except AssertionError as refusal:
        print(f"refused: {refusal}")
    else:
        print(f"a 4x16 picture: read as {digit} ({confidence:.0%} sure)")


if __name__ == "__main__":
    main()
