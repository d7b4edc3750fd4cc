"""Gradients are set to zero between backward and step: the optimizer only ever sees nothing."""

import torch

from examples.char_gpt import CharGPT, draw, load_text, next_character_loss


def main(steps: int = 300) -> None:
    torch.manual_seed(0)
    vocabulary, training, _ = load_text()
    model = CharGPT(len(vocabulary), context=32, d=48, depth=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(steps):
        inputs, targets = draw(training, 24, model.context)
        loss = next_character_loss(model(inputs), targets)
        loss.backward()
        optimizer.zero_grad()  # BUG: step-order [lint]
        optimizer.step()
    print(f"loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
