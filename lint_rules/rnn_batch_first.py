"""A recurrent layer that takes time before batch, torch's default.

## Why is this bad?

Without `batch_first=True` the layer reads `(batch, time, features)` as that many steps of a batch of `time`. The shapes
fit, nothing fails, and the state runs across the samples of a batch instead of along time.

## Example

```python bad
from torch import nn

class Tagger(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.rnn = nn.LSTM(d, d, num_layers=2)  # error: `batch_first=True`

    def forward(self, x):
        return self.rnn(x)[0]
```

```python fixed
from torch import nn

class Tagger(nn.Module):
    def __init__(self, d):
        super().__init__()
        self.rnn = nn.LSTM(d, d, num_layers=2, batch_first=True)

    def forward(self, x):
        return self.rnn(x)[0]
```

Use instead:

```python good
from torch import nn

rnn = nn.LSTM(8, 8, batch_first=True)
```

## Known limits

Which dim is which can't be seen, so this rule is for projects that put the batch first everywhere. A layer whose input
or output the same class transposes or packs, and one that is told `batch_first=False`, are left alone.

```python good
from torch import nn

class Tagger(nn.Module):
    def __init__(self, d, options):
        super().__init__()
        self.rnn = nn.LSTM(d, d)
        self.other = nn.GRU(d, d, batch_first=False)
        self.configured = nn.GRU(d, d, **options)

    def forward(self, x):
        y, _ = self.rnn(x.transpose(0, 1))
        return y.transpose(0, 1)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation, unsafe_fix
from shapecheck.lint.analysis.calls import has_unpacking
from shapecheck.lint.edits import add_keyword

GROUP = "layout"
DEFAULT = False
LEVEL = "warning"
TOKENS = (b"RNN", b"LSTM", b"GRU")

LAYERS = {"torch.nn.RNN", "torch.nn.LSTM", "torch.nn.GRU"}
BATCH_FIRST = 4  # input_size, hidden_size, num_layers, bias, batch_first
TIME_FIRST = re.compile(
    r"\.transpose\(|\.permute\(|\.t\(\)|\.swapaxes\(|rearrange\(|pack_\w*sequence|\.mT\b|time_major"
)


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.qualified_name(node.func) not in LAYERS or has_unpacking(node) or len(node.args) > BATCH_FIRST:
        return
    if any(keyword.arg == "batch_first" for keyword in node.keywords):
        return
    around = file.class_(node) or file.function(node) or file.tree
    text = file.source if isinstance(around, ast.Module) else file.text(around)
    if not TIME_FIRST.search(text):
        yield Violation(
            node,
            f"`{file.text(node.func)}` takes time before batch; if the batch comes first, pass `batch_first=True`",
            unsafe_fix("pass `batch_first=True`", add_keyword(node, "batch_first", "True")),
        )
