"""A mask of booleans is added where a bias of 0 and -inf was meant: adding True to a score hides nothing.

The loss is too good to be true, and the text that the model writes is not.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from examples.char_gpt import CharGPT, causal_mask, evaluate, load_text, train
from shapecheck import contract


@contract
def attend(
    q: Float[Tensor, "b heads t e"],
    k: Float[Tensor, "b heads t e"],
    v: Float[Tensor, "b heads t e"],
    bias: Float[Tensor, "t t"],
) -> Float[Tensor, "b heads t e"]:
    """Attention whose scores are changed by `bias`: 0 where a position may look, -inf where it may not."""
    return (q @ k.mT * q.shape[-1] ** -0.5 + bias).softmax(dim=-1) @ v


@contract
class CausalSelfAttention(nn.Module):
    """Every position looks at itself and at those before it, in `heads` parallel subspaces of the features."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        mixed = attend(q, k, v, causal_mask(x.shape[1]))  # BUG: dtype-mismatch [contract=DtypeError lint static]
        return self.out(mixed.transpose(1, 2).flatten(2))


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
