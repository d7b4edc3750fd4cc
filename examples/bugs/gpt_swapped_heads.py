"""Heads and positions are swapped: the heads of one position attend to each other, no character ever sees another.

Matrix products take any batch dims, so `(b, t, heads, e)` runs as well as `(b, heads, t, e)`. What is left is a costly
way of counting pairs of characters.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from examples.char_gpt import CharGPT, causal_mask, evaluate, load_text, train
from shapecheck import contract


@contract
class CausalSelfAttention(nn.Module):
    """Every position looks at itself and at those before it, in `heads` parallel subspaces of the features."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).unbind(dim=2)
        return self.out(self.attend(q, k, v).flatten(2))  # BUG: argument-shape [contract=ShapeError lint static]

    def attend(
        self,
        q: Float[Tensor, "b {self.heads} t e"],
        k: Float[Tensor, "b {self.heads} t e"],
        v: Float[Tensor, "b {self.heads} t e"],
    ) -> Float[Tensor, "b {self.heads} t e"]:
        scores = q @ k.mT * q.shape[-1] ** -0.5
        scores = scores.masked_fill(causal_mask(q.shape[2]), float("-inf"))
        return scores.softmax(dim=-1) @ v


def main(steps: int = 300) -> None:
    torch.manual_seed(0)
    vocabulary, training, held_out = load_text()
    model = CharGPT(len(vocabulary), context=32, d=48, depth=2)
    for block in range(len(model.blocks)):
        model.set_submodule(f"blocks.{block}.attention.1", CausalSelfAttention(d=48, heads=4))
    history = train(model, training, steps)
    print(f"loss {history[-1]:.3f}, held-out loss {evaluate(model, held_out):.3f}")


if __name__ == "__main__":
    main()
