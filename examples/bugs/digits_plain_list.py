"""The blocks are in a Python list: torch doesn't see them, so the optimizer never trains them."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from examples.digits_vit import CLASSES, SelfAttention, accuracy, load_split, patchify, train
from shapecheck import contract


@contract
class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalized before and added after."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(d), SelfAttention(d, heads))
        self.mlp = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        x = x + self.attention(x)
        return x + self.mlp(x)


@contract
class DigitsViT(nn.Module):
    """Patches, learned positions, transformer blocks, the mean over tokens, one linear layer."""

    def __init__(self, d: int = 48, heads: int = 4, depth: int = 2, patch: int = 2) -> None:
        super().__init__()
        self.patch = patch
        self.embed = nn.Linear(patch * patch, d)
        self.positions = nn.Parameter(0.3 * torch.randn((8 // patch) ** 2, d))
        self.blocks = [Block(d, heads) for _ in range(depth)]  # BUG: modules-in-plain-list [lint]
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, CLASSES)

    def forward(self, images: Float[Tensor, "b h w"]) -> Float[Tensor, "b 10"]:
        x = self.embed(patchify(images, self.patch)) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(dim=1))


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    train(model, training, epochs)
    trained = sum(p.numel() for p in model.parameters())
    print(f"{trained:,} parameters trained, test accuracy {accuracy(model, test):.3f}")


if __name__ == "__main__":
    main()
