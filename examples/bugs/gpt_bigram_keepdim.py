"""Counts of pairs are divided by their row sums without keepdim: the table is square, so columns are divided instead.

Its loss on the text doesn't even change, as every character is the left one of a pair once and the right one once; but
what it calls the probabilities of the next character add up to anything.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from examples.char_gpt import bigram_loss, load_text
from shapecheck import contract


@contract
def bigram_table(tokens: Int[Tensor, "n"], v: int) -> Float[Tensor, "{v} {v}"]:
    """How likely each character (column) is after each other one (row), counted in the text."""
    pairs = tokens[:-1] * v + tokens[1:]
    counts = torch.bincount(pairs, minlength=v * v).view(v, v) + 0.1
    return counts / counts.sum(1)  # BUG: dropped-keepdim [guard=KeepdimError lint static]


def main(steps: int = 1) -> None:
    vocabulary, training, held_out = load_text()
    table = bigram_table(training, len(vocabulary))
    print(f"counting pairs of characters gets {bigram_loss(table, held_out).item():.3f}")
    sums = table.sum(dim=1)
    print(f"what follows a character has probabilities that add up to {sums.min().item():.2f}..{sums.max().item():.2f}")


if __name__ == "__main__":
    main()
