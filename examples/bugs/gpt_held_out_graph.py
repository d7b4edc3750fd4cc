"""The held-out loss is measured with gradients on: ten batches keep every activation of the model for no one."""

import torch
from torch import Tensor

from examples.char_gpt import CharGPT, draw, load_text, next_character_loss, train


def evaluate(model: CharGPT, tokens: Tensor, batches: int = 10) -> float:
    model.eval()
    losses = []
    for _ in range(batches):
        inputs, targets = draw(tokens, 64, model.context)
        logits = model(inputs)  # BUG: evaluation-builds-graph [lint]
        losses.append(next_character_loss(logits, targets))
    return torch.stack(losses).mean().item()


def main(steps: int = 300) -> None:
    torch.manual_seed(0)
    vocabulary, training, held_out = load_text()
    model = CharGPT(len(vocabulary), context=32, d=48, depth=2)
    train(model, training, steps)
    print(f"held-out loss {evaluate(model, held_out):.3f}")


if __name__ == "__main__":
    main()
