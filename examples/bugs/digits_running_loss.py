"""The running loss adds tensors, not numbers: the graph of every step of an epoch stays in memory.

The figures are right and memory grows with every step, until a longer epoch runs out of it.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from examples.digits_vit import Digits, DigitsViT, accuracy, load_split


def train(model: nn.Module, data: Digits, epochs: int, batch: int = 32) -> list[Tensor]:
    """Fit by AdamW with one cycle of the learning rate; the mean loss of every epoch."""
    steps = -(-len(data.labels) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, epochs=epochs, steps_per_epoch=steps)
    history: list[Tensor] = []
    for _ in range(epochs):
        running_loss = torch.tensor(0.0)
        for indices in torch.randperm(len(data.labels)).split(batch):
            loss = F.cross_entropy(model(data.images[indices]), data.labels[indices])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            running_loss += loss  # BUG: loss-keeps-graph [lint]
        history.append(running_loss / steps)
    return history


def graph_nodes(loss: Tensor) -> int:
    """How many operations autograd remembers for one number."""
    waiting, seen = [loss.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            waiting.extend(child for child, _ in node.next_functions)
    return len(seen)


def main(epochs: int = 6) -> None:
    torch.manual_seed(0)
    training, test = load_split()
    model = DigitsViT()
    history = train(model, training, epochs)
    print(f"loss {history[-1].item():.3f}, test accuracy {accuracy(model, test):.3f}")
    print(f"for its last figure autograd remembers {graph_nodes(history[-1]):,} operations")


if __name__ == "__main__":
    main()
