"""Targets are stacked along dim 1: (t, b) flattens as well as (b, t), and characters learn the targets of others."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from examples.char_gpt import CharGPT, load_text
from shapecheck import contract


def draw(tokens: Tensor, batch: int, context: int) -> tuple[Tensor, Tensor]:
    starts = torch.randint(len(tokens) - context, (batch,)).tolist()
    inputs = torch.stack([tokens[i : i + context] for i in starts], dim=0)
    targets = torch.stack([tokens[i + 1 : i + 1 + context] for i in starts], dim=1)
    return inputs, targets


@contract
def next_character_loss(logits: Float[Tensor, "b t v"], targets: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats of the characters that really came next."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def main(steps: int = 300) -> None:
    torch.manual_seed(0)
    vocabulary, training, _ = load_text()
    model = CharGPT(len(vocabulary), context=32, d=48, depth=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        inputs, targets = draw(training, 24, model.context)
        loss = next_character_loss(model(inputs), targets)  # BUG: argument-shape [contract=ShapeError]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
