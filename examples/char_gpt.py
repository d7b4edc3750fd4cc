"""A small decoder-only language model that learns Shakespeare character by character, every shape under contract.

    python -m examples.char_gpt

Names of dims: b sequences, t characters of context, d features, e features of one head, v characters of the
vocabulary, n characters of the text. A contract binds them afresh for each call.
"""

import argparse
from pathlib import Path

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from shapecheck import check, contract

TEXT = Path(__file__).parent / "data" / "as_you_like_it.txt"


class Vocabulary:
    """The characters of a text, numbered in sorted order."""

    def __init__(self, text: str) -> None:
        self.characters = sorted(set(text))
        self.numbers = {character: number for number, character in enumerate(self.characters)}

    def __len__(self) -> int:
        return len(self.characters)

    @contract
    def encode(self, text: str) -> Int[Tensor, "n"]:
        return torch.tensor([self.numbers[character] for character in text])

    @contract
    def decode(self, tokens: Int[Tensor, "n"]) -> str:
        return "".join(self.characters[token] for token in tokens.tolist())


def load_text(held_out: int = 10_000) -> tuple[Vocabulary, Tensor, Tensor]:
    """The play as numbers: all but its last characters to learn from, and these to test on."""
    text = TEXT.read_text(encoding="utf-8")
    vocabulary = Vocabulary(text)
    tokens = vocabulary.encode(text)
    return vocabulary, tokens[:-held_out], tokens[-held_out:]


@contract
def draw(
    tokens: Int[Tensor, "n"], batch: int, context: int
) -> tuple[Int[Tensor, "{batch} {context}"], Int[Tensor, "{batch} {context}"]]:
    """Random stretches of the text, and the same stretches one character further on: what has to be predicted."""
    starts = torch.randint(len(tokens) - context, (batch,)).tolist()
    inputs = torch.stack([tokens[i : i + context] for i in starts])
    targets = torch.stack([tokens[i + 1 : i + 1 + context] for i in starts])
    return inputs, targets


@contract
def causal_mask(t: int) -> Bool[Tensor, "{t} {t}"]:
    """True where a position (row) would look at a later one (column)."""
    return torch.ones(t, t, dtype=torch.bool).triu(diagonal=1)


@contract
class CausalSelfAttention(nn.Module):
    """Every position looks at itself and at those before it, in `heads` parallel subspaces of the features."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(d, 3 * d)
        self.out = nn.Linear(d, d)

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        q, k, v = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        return self.out(self.attend(q, k, v).transpose(1, 2).flatten(2))

    def attend(
        self,
        q: Float[Tensor, "b {self.heads} t e"],
        k: Float[Tensor, "b {self.heads} t e"],
        v: Float[Tensor, "b {self.heads} t e"],
    ) -> Float[Tensor, "b {self.heads} t e"]:
        scores = check(q @ k.mT * q.shape[-1] ** -0.5, Float[Tensor, "b {self.heads} t t"])
        scores = scores.masked_fill(causal_mask(q.shape[2]), float("-inf"))
        return scores.softmax(dim=-1) @ v


@contract
class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalized before and added after."""

    def __init__(self, d: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.Sequential(nn.LayerNorm(d), CausalSelfAttention(d, heads))
        self.mlp = nn.Sequential(nn.LayerNorm(d), nn.Linear(d, 4 * d), nn.GELU(), nn.Linear(4 * d, d))

    def forward(self, x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        x = x + self.attention(x)
        return x + self.mlp(x)


@contract
class CharGPT(nn.Module):
    """Characters and learned positions, causal transformer blocks, one linear layer back to characters."""

    def __init__(self, vocabulary: int, context: int = 64, d: int = 64, heads: int = 4, depth: int = 3) -> None:
        super().__init__()
        self.vocabulary = vocabulary
        self.context = context
        self.characters = nn.Embedding(vocabulary, d)
        self.positions = nn.Embedding(context, d)
        self.blocks = nn.ModuleList(Block(d, heads) for _ in range(depth))
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, vocabulary)

    def forward(self, tokens: Int[Tensor, "b t"]) -> Float[Tensor, "b t {self.vocabulary}"]:
        x = self.characters(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))

    @torch.inference_mode()
    def generate(self, prompt: Int[Tensor, "b t"], length: int) -> Int[Tensor, "b t+{length}"]:
        """Go on from the prompt, one character drawn from the model's distribution at a time."""
        tokens = prompt
        for _ in range(length):
            logits = self(tokens[:, -self.context :])[:, -1]
            drawn = torch.multinomial(logits.softmax(dim=-1), num_samples=1)
            tokens = torch.cat([tokens, drawn], dim=1)
        return tokens


@contract
def next_character_loss(logits: Float[Tensor, "b t v"], targets: Int[Tensor, "b t"]) -> Float[Tensor, ""]:
    """Mean cross-entropy in nats of the characters that really came next."""
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@contract
def bigram_table(tokens: Int[Tensor, "n"], v: int) -> Float[Tensor, "{v} {v}"]:
    """How likely each character (column) is after each other one (row), counted in the text: the model to beat."""
    pairs = tokens[:-1] * v + tokens[1:]
    counts = torch.bincount(pairs, minlength=v * v).view(v, v) + 0.1
    return counts / counts.sum(dim=1, keepdim=True)


@contract
def bigram_loss(table: Float[Tensor, "v v"], tokens: Int[Tensor, "n"]) -> Float[Tensor, ""]:
    return -table[tokens[:-1], tokens[1:]].log().mean()


@torch.inference_mode()
def evaluate(model: CharGPT, tokens: Tensor, batches: int = 10) -> float:
    losses = [next_character_loss(model(x), y) for x, y in (draw(tokens, 64, model.context) for _ in range(batches))]
    return torch.stack(losses).mean().item()


def train(model: CharGPT, tokens: Tensor, steps: int, batch: int = 24) -> list[float]:
    """Fit by AdamW with one cycle of the learning rate; the loss of every step."""
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps)
    history = []
    for _ in range(steps):
        inputs, targets = draw(tokens, batch, model.context)
        loss = next_character_loss(model(inputs), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        history.append(loss.item())
    return history


def main(steps: int = 1000, seed: int = 0) -> None:
    torch.manual_seed(seed)
    vocabulary, training, held_out = load_text()
    model = CharGPT(len(vocabulary))
    print(f"{len(training):,} characters to learn from, {sum(p.numel() for p in model.parameters()):,} parameters")
    history = train(model, training, steps)
    for step in range(0, steps, max(1, steps // 6)):
        print(f"step {step + 1:4}  loss {history[step]:.3f}")
    print(f"step {steps:4}  loss {history[-1]:.3f}  held-out loss {evaluate(model, held_out):.3f}")
    baseline = bigram_loss(bigram_table(training, len(vocabulary)), held_out)
    print(f"counting pairs of characters gets {baseline.item():.3f}")
    prompt = vocabulary.encode("ROSALIND\t").unsqueeze(0)
    print("\n" + vocabulary.decode(model.generate(prompt, length=300)[0]))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    arguments.add_argument("--steps", type=int, default=1000)
    arguments.add_argument("--seed", type=int, default=0)
    main(**vars(arguments.parse_args()))
