"""What changes where the interpreter doesn't look: inner functions, other methods, assignments from outside."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

CACHE = []
NAMES = ["q", "k", "v"]


def remember(x):
    CACHE.append(x)


def remembered(x: Float[Tensor, "b d"]) -> Float[Tensor, "n b d"]:
    remember(x)
    return torch.stack(CACHE)


def one_of_each(x: Float[Tensor, "b d"]) -> Float[Tensor, "2 b d"]:
    return torch.stack([x for _ in NAMES])  # error: return-shape


def hooked(net: nn.Module, x: Float[Tensor, "b d"]) -> Float[Tensor, "n b d"]:
    outputs = []

    def hook(module, args, output):
        outputs.append(output)

    net.register_forward_hook(hook)
    net(x)
    return torch.stack(outputs)


def hooked_by_a_lambda(net: nn.Module, x: Float[Tensor, "b d"]) -> Float[Tensor, "n b d"]:
    outputs = []
    net.register_forward_hook(lambda module, args, output: outputs.append(output))
    net(x)
    return torch.stack(outputs)


def never_filled() -> Float[Tensor, "n b d"]:
    outputs = []
    return torch.stack(outputs)  # error: shape-mismatch


def bound_by_an_inner_function(x: Float[Tensor, "b d"], visit) -> Float[Tensor, "b d d"]:
    largest = x

    def look(y):
        nonlocal largest
        largest = y

    visit(look)
    return largest


def written_by_an_inner_function(x: Float[Tensor, "b d"]) -> Float[Tensor, "b 2"]:
    filled = torch.zeros_like(x)

    def fill(row):
        filled[row] = 1  # its shape stays

    fill(0)
    return filled  # error: return-shape


class Window(nn.Module):
    def __init__(self):
        super().__init__()
        self.window = []
        self.by_name = {}
        self.sizes = [2, 3]

    def push(self, x):
        self.window.append(x)
        self.by_name["last"] = x

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "n b d"]:
        return torch.stack(self.window)

    def last(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.by_name["last"]

    def made(self) -> Float[Tensor, "2 4"]:
        return torch.zeros(self.sizes)  # error: return-shape


class Pooled(nn.Module):
    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        return x.mean(1)


class Switched(nn.Module):
    def __init__(self):
        super().__init__()
        self.forward = self.all

    def all(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        return x

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b d"]:
        return x.mean(1)


def patched(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
    pooled = Pooled()
    pooled.pool = Pooled.forward
    pooled.forward = lambda x: x
    return pooled(x)


def switched(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
    return Switched()(x)


def of_numbers() -> Float[Tensor, "3"]:
    return torch.Tensor([0, 0, 1])


def of_sizes() -> Float[Tensor, "3"]:
    return torch.Tensor(2, 3)  # error: return-shape


def collect(tree, leaves):
    if isinstance(tree, list):
        for one in tree:
            collect(one, leaves)
    else:
        leaves.append(tree)


def through_an_argument(x: Float[Tensor, "b d"], tree) -> Float[Tensor, "n b d"]:
    leaves = []
    collect(tree, leaves)
    return torch.stack(leaves)


def shape_through_an_argument(x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
    shape = []
    collect([1, 1], shape)
    return x.new_zeros(()).view(shape)


def through_an_argument_of_something_unknown(visit) -> Float[Tensor, "n b d"]:
    found = []
    visit(found)
    return torch.stack(found)


class Head(nn.Module):
    anchors = torch.empty(0)

    def __init__(self, width: int):
        super().__init__()
        self.outputs = [torch.rand(1)] * 3
        self.width = width

    def fit(self, x):
        self.anchors, self.width = x.mean(0), 3

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return x - self.anchors[1]

    def last(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        return self.outputs[-1]


def shifted(scores: Float[Tensor, "b h t s"]) -> Float[Tensor, "b h t s"]:
    b, h, t, s = scores.shape
    padded = nn.functional.pad(scores, (1, 0)).view(b, h, s + 1, t)
    return padded[:, :, 1:].view(b, h, t, s)


def shifted_step_by_step(scores: Float[Tensor, "b h t s"]) -> Float[Tensor, "b h t s"]:
    b, h, t, s = scores.shape
    padded = nn.functional.pad(scores, (1, 0)).view(b, h, s + 1, t)[:, :, 1:]
    return padded.view_as(scores)


class Collector(nn.Module):
    def step(self, x: Tensor) -> None:
        self._steps.append(x)

    def run(self, x: Float[Tensor, "b d"]) -> Tensor:
        self._steps = []
        self.decode_with(self.step, x)
        return torch.stack(self._steps, dim=1)


def grouped(videos: list[Float[Tensor, "c h w"]]) -> dict[torch.Size, Tensor]:
    groups = {}
    for video in videos:
        if video.shape not in groups:
            groups[video.shape] = []
        groups[video.shape].append(video)
    return {size: group[0] if len(group) == 1 else torch.stack(group) for size, group in groups.items()}


def nothing_to_join(x: Float[Tensor, "b d"]) -> Tensor:
    return x + torch.cat([])  # error: shape-mismatch


def all_but_the_last(x: Float[Tensor, "b d"], levels: list[int]) -> Tensor:
    return torch.tensor(levels) * torch.tensor([1] + levels[:-1])


def one_more(x: Float[Tensor, "b d"], levels: list[int]) -> Tensor:
    return torch.tensor(levels) * torch.tensor([1] + levels)  # error: shape-mismatch


def patches(x: Float[Tensor, "n c h w"], patch: tuple[int] = (2, 2, 2)) -> Tensor:
    return nn.functional.interpolate(x.reshape(-1, 1, *patch), size=patch, mode="trilinear")


def shifted_by_a_cut(x: Float[Tensor, "b h t s"], first: int) -> Tensor:
    b, h, t, s = x.shape
    x = x.reshape(b, h, s, t)
    x = x[:, :, first:, :]
    return x.reshape(b, h, t, s - first)


def mixed_and_used_whole(x: Float[Tensor, "b h t s"]) -> Tensor:
    b, h, t, s = x.shape
    x = x.reshape(b, h, s, t)  # error: view-as-permute
    return x * x[:, :, 1:].sum()
