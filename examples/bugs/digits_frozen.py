"""`require_grad` is no attribute of a parameter: assigning it freezes nothing, and the embedding is trained along."""

import torch

from examples.digits_vit import DigitsViT, accuracy, load_split, train


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    before = model.embed.weight.detach().clone()
    for parameter in model.embed.parameters():
        parameter.require_grad = False  # BUG: requires-grad-typo [lint]
    train(model, training, epochs)
    moved = (model.embed.weight - before).norm() / before.norm()
    print(f"test accuracy {accuracy(model, test):.3f}; the frozen embedding has moved by {moved.item():.0%}")


if __name__ == "__main__":
    main()
