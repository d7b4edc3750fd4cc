"""A small vision transformer that reads scikit-learn's handwritten digits, every shape under contract.

    python -m examples.digits_vit

Names of dims: b images, h rows, w columns, t tokens (one for each patch of pixels), d features, e features of one
head, c classes. A contract binds them afresh for each call, so `b` is one number in all arguments of a call.
"""

import argparse
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional as F

from shapecheck import check, contract

CLASSES = 10


@contract
@dataclass(frozen=True)
class Digits:
    """Images in 0..1 and their labels; construction checks that there is one label for each image."""

    images: Float[Tensor, "b 8 8"]
    labels: Int[Tensor, "b"]


def load_split(seed: int = 0) -> tuple[Digits, Digits]:
    """The 1,797 images that scikit-learn ships, three quarters to learn from and one quarter to test on."""
    bunch = load_digits()
    parts = train_test_split(bunch.images, bunch.target, test_size=0.25, random_state=seed, stratify=bunch.target)
    train_images, test_images, train_labels, test_labels = (torch.from_numpy(part) for part in parts)
    return (
        Digits(train_images.float() / 16, train_labels),
        Digits(test_images.float() / 16, test_labels),
    )


@contract
def patchify(images: Float[Tensor, "b h w"], size: int) -> Float[Tensor, "b (h//{size})*(w//{size}) {size}*{size}"]:
    """Cut every image into squares of `size` by `size` pixels, row by row."""
    rows = images.unflatten(2, (-1, size)).unflatten(1, (-1, size))
    return rows.transpose(2, 3).flatten(3, 4).flatten(1, 2)


@contract
def attend(
    q: Float[Tensor, "b heads t e"], k: Float[Tensor, "b heads s e"], v: Float[Tensor, "b heads s e"]
) -> Float[Tensor, "b heads t e"]:
    """Scaled dot-product attention of every token over every other."""
    scores = check(q @ k.mT * q.shape[-1] ** -0.5, Float[Tensor, "b heads t s"])
    return scores.softmax(dim=-1) @ v


@contract
class SelfAttention(nn.Module):
    """Attention in `heads` parallel subspaces of the features."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        mixed = attend(self.split_heads(q), self.split_heads(k), self.split_heads(v))
        return self.out(mixed.transpose(1, 2).flatten(2))

    def split_heads(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b {self.heads} t d//{self.heads}"]:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)


@contract
class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalized before and added after."""

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(d), SelfAttention(d, heads), nn.Dropout(dropout))
        self.mlp = nn.Sequential(
            nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d), nn.Dropout(dropout)
        )

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        x = x + self.attention(x)
        return x + self.mlp(x)


@contract
class DigitsViT(nn.Module):
    """Patches, learned positions, transformer blocks, the mean over tokens, one linear layer."""

    def __init__(
        self, classes: int = CLASSES, d: int = 48, heads: int = 4, depth: int = 2, patch: int = 2, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.patch = patch
        self.classes = classes
        self.embed = nn.Linear(patch * patch, d)
        self.positions = nn.Parameter(0.3 * torch.randn((8 // patch) ** 2, d))
        self.blocks = nn.ModuleList(Block(d, heads, dropout) for _ in range(depth))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, classes)

    def forward(self, images: Float[Tensor, "b h w"]) -> Float[Tensor, "b {self.classes}"]:
        x = self.embed(patchify(images, self.patch)) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(dim=1))


@contract
def confusion(model: nn.Module, data: Digits) -> Int[Tensor, "c c"]:
    """How many images of each class (row) the model takes for each class (column)."""
    model.eval()
    with torch.inference_mode():
        guesses = model(data.images).argmax(dim=1)
    model.train()
    return torch.bincount(data.labels * CLASSES + guesses, minlength=CLASSES * CLASSES).view(CLASSES, CLASSES)


@contract
def rates(counts: Int[Tensor, "c c"]) -> Float[Tensor, "c c"]:
    """The share of each true class (row) that was taken for each class; the diagonal is the recall."""
    return counts / counts.sum(dim=1, keepdim=True)


def accuracy(model: nn.Module, data: Digits) -> float:
    counts = confusion(model, data)
    return counts.diagonal().sum().item() / counts.sum().item()


def train(model: nn.Module, data: Digits, epochs: int, batch: int = 32) -> list[float]:
    """Fit by AdamW with one cycle of the learning rate; the mean loss of every epoch."""
    steps = -(-len(data.labels) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, epochs=epochs, steps_per_epoch=steps)
    history = []
    for _ in range(epochs):
        running_loss = 0.0
        for indices in torch.randperm(len(data.labels)).split(batch):
            loss = F.cross_entropy(model(data.images[indices]), data.labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            running_loss += loss.item()
        history.append(running_loss / steps)
    return history


@contract(always=True)
def classify(model: nn.Module, image: Float[Tensor, "8 8"]) -> tuple[int, float]:
    """The digit on one image that a user sends, and how sure the model is.

    `always=True` keeps this contract under `python -O`, where the others cost nothing because they are gone.
    """
    model.eval()
    with torch.inference_mode():
        probabilities = model(image.unsqueeze(0)).softmax(dim=1)
    confidence, digit = probabilities.max(dim=1)
    return int(digit), float(confidence)


def main(epochs: int = 20, seed: int = 0) -> None:
    torch.manual_seed(seed)
    training, test = load_split()
    model = DigitsViT()
    print(f"{len(training.labels):,} images to learn from, {sum(p.numel() for p in model.parameters()):,} parameters")
    history = train(model, training, epochs)
    for epoch in range(0, epochs, max(1, epochs // 5)):
        print(f"epoch {epoch + 1:2}  loss {history[epoch]:.3f}")
    print(f"epoch {epochs:2}  loss {history[-1]:.3f}  test accuracy {accuracy(model, test):.3f}")
    recall = rates(confusion(model, test)).diagonal()
    print(f"hardest digit: {int(recall.argmin())}, recall {recall.min().item():.2f}")
    digit, confidence = classify(model, test.images[0])
    print(f"first test image: read as {digit} ({confidence:.0%} sure), is {int(test.labels[0])}")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    arguments.add_argument("--epochs", type=int, default=20)
    arguments.add_argument("--seed", type=int, default=0)
    main(**vars(arguments.parse_args()))
