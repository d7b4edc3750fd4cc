"""`view` where `transpose` was meant: every token attends to tokens of other images of the batch.

`nn.MultiheadAttention` wants tokens before images; (b, t, d) viewed as (t, b, d) has that shape but not that order.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from examples.digits_vit import DigitsViT, accuracy, load_split, train
from shapecheck import contract


@contract
class SelfAttention(nn.Module):
    """Torch's own attention, its tokens first."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(d, heads)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        b, t, d = x.shape
        tokens = x.view(t, b, d)  # BUG: view-as-permute [guard=ShapeError lint static]
        mixed, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return mixed.transpose(0, 1)


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    for block in range(len(model.blocks)):
        model.set_submodule(f"blocks.{block}.attention.1", SelfAttention(d=48, heads=4))
    train(model, training, epochs)
    print(f"test accuracy {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
