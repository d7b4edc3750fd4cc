"""The two networks whose training steps are measured: a ResNet-50 and a GPT-2, annotated throughout, of any size.

Their classes are bare. `under` puts one model's modules under a checker, the same code objects inside, so that the
models compared differ in nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

Function = Callable[..., Any]
Checker = Callable[[Function], Function]
Batch = tuple[Tensor, Tensor]


class Network(nn.Module):
    """What is trained: something with a loss, and random data to learn from."""

    def loss(self, inputs: Any, targets: Any) -> Any:
        raise NotImplementedError

    def data(self, batch: int) -> Batch:
        raise NotImplementedError


# --- ResNet ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ResNetSize:
    width: int = 64
    blocks: Sequence[int] = (3, 4, 6, 3)
    image: int = 224
    classes: int = 1000


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 convolutions around a shortcut; the last widens fourfold."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        out = 4 * width
        self.reduce = nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width))
        self.mix = nn.Sequential(nn.Conv2d(width, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width))
        self.widen = nn.Sequential(nn.Conv2d(width, out, 1, bias=False), nn.BatchNorm2d(out))
        self.shortcut = (
            nn.Identity()
            if channels == out and stride == 1
            else nn.Sequential(nn.Conv2d(channels, out, 1, stride, bias=False), nn.BatchNorm2d(out))
        )

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b out h2 w2"]:
        y = F.relu(self.reduce(x))
        y = F.relu(self.mix(y))
        return F.relu(self.widen(y) + self.shortcut(x))


class ResNet(Network):
    def __init__(self, size: ResNetSize) -> None:
        super().__init__()
        self.size = size
        self.stem = nn.Sequential(
            nn.Conv2d(3, size.width, 7, 2, 3, bias=False),
            nn.BatchNorm2d(size.width),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
        )
        blocks: list[nn.Module] = []
        channels = size.width
        for stage, count in enumerate(size.blocks):
            width = size.width * 2**stage
            for block in range(count):
                blocks.append(Bottleneck(channels, width, stride=2 if stage and not block else 1))
                channels = 4 * width
        self.blocks = nn.ModuleList(blocks)
        self.classify = nn.Linear(channels, size.classes)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b classes"]:
        x = self.stem(images)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.classify(self.pool(x))
        return logits

    def pool(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c"]:
        return x.mean(dim=(2, 3))

    def loss(self, inputs: Float[Tensor, "b 3 h w"], targets: Int[Tensor, "b"]) -> Float[Tensor, ""]:
        return F.cross_entropy(self(inputs), targets)

    def data(self, batch: int) -> Batch:
        images = torch.rand(batch, 3, self.size.image, self.size.image)
        return images, torch.randint(self.size.classes, (batch,))


# --- GPT -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GPTSize:
    layers: int = 12
    width: int = 768
    heads: int = 12
    context: int = 1024
    vocabulary: int = 50257


class Attention(nn.Module):
    def __init__(self, size: GPTSize) -> None:
        super().__init__()
        self.heads = size.heads
        self.project_in = nn.Linear(size.width, 3 * size.width)
        self.project_out = nn.Linear(size.width, size.width)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        q, k, v = (self.split(part) for part in self.project_in(x).chunk(3, dim=-1))
        mixed: Tensor = self.project_out(self.merge(self.attend(q, k, v)))
        return mixed

    def split(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b h t e"]:
        b, t, d = x.shape
        return x.view(b, t, self.heads, d // self.heads).transpose(1, 2)

    def attend(
        self, q: Float[Tensor, "b h t e"], k: Float[Tensor, "b h s e"], v: Float[Tensor, "b h s e"]
    ) -> Float[Tensor, "b h t e"]:
        return F.scaled_dot_product_attention(q, k, v, is_causal=True)

    def merge(self, x: Float[Tensor, "b h t e"]) -> Float[Tensor, "b t h*e"]:
        return x.transpose(1, 2).flatten(2)


class Block(nn.Module):
    """Attention and a small perceptron, each normalized before and added to what comes in."""

    def __init__(self, size: GPTSize) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(size.width), nn.LayerNorm(size.width)
        self.attention = Attention(size)
        self.widen, self.narrow = nn.Linear(size.width, 4 * size.width), nn.Linear(4 * size.width, size.width)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        x = x + self.attention(self.norm1(x))
        return x + self.perceptron(self.norm2(x))

    def perceptron(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        y: Tensor = self.narrow(F.gelu(self.widen(x), approximate="tanh"))
        return y


class GPT(Network):
    def __init__(self, size: GPTSize) -> None:
        super().__init__()
        self.size = size
        self.token, self.position = nn.Embedding(size.vocabulary, size.width), nn.Embedding(size.context, size.width)
        self.blocks = nn.ModuleList(Block(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        self.predict = nn.Linear(size.width, size.vocabulary, bias=False)
        self.predict.weight = self.token.weight

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t v"]:
        x = self.embed(tokens)
        for block in self.blocks:
            x = block(x)
        logits: Tensor = self.predict(self.norm(x))
        return logits

    def embed(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t d"]:
        positions = torch.arange(tokens.shape[1], device=tokens.device)
        embedded: Tensor = self.token(tokens) + self.position(positions)
        return embedded

    def loss(self, inputs: Int[Tensor, "b t"], targets: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
        return F.cross_entropy(self(inputs).flatten(0, 1), targets.flatten())

    def data(self, batch: int) -> Batch:
        tokens = torch.randint(self.size.vocabulary, (batch, self.size.context + 1))
        return tokens[:, :-1].contiguous(), tokens[:, 1:].contiguous()


# --- checked ---------------------------------------------------------------------------------------------------------

CLASSES: tuple[type[nn.Module], ...] = (Bottleneck, ResNet, Attention, Block, GPT)


def under(model: Network, checker: Checker) -> Network:
    """The same model, every annotated method of its classes under `checker`."""
    checked = {cls: _checked(cls, checker) for cls in CLASSES}
    for module in model.modules():
        if type(module) in checked:
            module.__class__ = checked[type(module)]
    return model


def annotated(cls: type[nn.Module]) -> dict[str, FunctionType]:
    """The methods of a class that have shapes."""
    return {
        name: value
        for name, value in vars(cls).items()
        if isinstance(value, FunctionType) and "[Tensor" in str(value.__annotations__)
    }


def _checked(cls: type[nn.Module], checker: Checker) -> type[nn.Module]:
    methods = {name: checker(method) for name, method in annotated(cls).items()}
    return type(cls.__name__, (cls,), {**methods, "__module__": cls.__module__, "__qualname__": cls.__qualname__})
