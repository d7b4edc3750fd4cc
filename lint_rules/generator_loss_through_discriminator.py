"""The discriminator's loss backpropagated into the generator.

## Why is this bad?

Without `detach()` the discriminator's step also runs backward through the generator: time and memory for gradients
that nobody wants. Unless they are set to zero before the generator's own backward pass, they are added to it with the
opposite aim, and the generator learns to look fake.

## Example

```python bad
import torch

def train(generator, discriminator, loader, loss_fn, real, fake):
    optimizer_g = torch.optim.Adam(generator.parameters())
    optimizer_d = torch.optim.Adam(discriminator.parameters())
    for x in loader:
        images = generator(torch.randn(len(x), 64))
        optimizer_d.zero_grad()
        d_loss = loss_fn(discriminator(x), real) + loss_fn(discriminator(images), fake)  # error: pass `images.detach()`
        d_loss.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_fn(discriminator(generator(torch.randn(len(x), 64))), real).backward()
        optimizer_g.step()
```

```python fixed
import torch

def train(generator, discriminator, loader, loss_fn, real, fake):
    optimizer_g = torch.optim.Adam(generator.parameters())
    optimizer_d = torch.optim.Adam(discriminator.parameters())
    for x in loader:
        images = generator(torch.randn(len(x), 64))
        optimizer_d.zero_grad()
        d_loss = loss_fn(discriminator(x), real) + loss_fn(discriminator(images.detach()), fake)
        d_loss.backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_fn(discriminator(generator(torch.randn(len(x), 64))), real).backward()
        optimizer_g.step()
```

Use instead:

```python good
import torch

def train(generator, discriminator, loader, loss_fn, real, fake):
    optimizer_g = torch.optim.Adam(generator.parameters())
    optimizer_d = torch.optim.Adam(discriminator.parameters())
    for x in loader:
        with torch.no_grad():
            images = generator(torch.randn(len(x), 64))
        optimizer_d.zero_grad()
        (loss_fn(discriminator(x), real) + loss_fn(discriminator(images), fake)).backward()
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_fn(discriminator(generator(torch.randn(len(x), 64))), real).backward()
        optimizer_g.step()
```

## Known limits

Which network an optimizer trains must be seen where it is made, and both networks and the step must be in one function.
Networks whose parameters are frozen in turn are left alone, as are outputs that the generator's loss needs too.

```python good
import torch

def train(generator, discriminator, loader, loss_fn, real, fake):
    optimizer_g = torch.optim.Adam(generator.parameters())
    optimizer_d = torch.optim.Adam(discriminator.parameters())
    for x in loader:
        judged = discriminator(generator(torch.randn(len(x), 64)))
        optimizer_d.zero_grad()
        loss_fn(judged, fake).backward(retain_graph=True)
        optimizer_d.step()
        optimizer_g.zero_grad()
        loss_fn(judged, real).backward()
        optimizer_g.step()

def train(encoder, decoder, loader, loss_fn):
    both = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()))
    for x in loader:
        both.zero_grad()
        loss_fn(decoder(encoder(x)), x).backward()
        both.step()

def probe(encoder, head, loader, loss_fn):
    optimizer = torch.optim.Adam(head.parameters())
    for x, y in loader:
        optimizer.zero_grad()
        loss_fn(head(encoder(x)), y).backward()
        optimizer.step()
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Note, Violation, per_file, unsafe_fix
from shapecheck.lint.analysis.flow import value_of
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.graphs import is_part_of
from shapecheck.lint.analysis.objects import constructor
from shapecheck.lint.analysis.scopes import place
from shapecheck.lint.analysis.training import Event, events
from shapecheck.lint.edits import append

GROUP = "training"
LEVEL = "warning"
TOKENS = (b"backward",)

FREEZES = re.compile(r"requires_grad|volatile|toggle|freeze|set_grad")


def check(node: ast.Call, file: File) -> Iterator[Violation]:
    if file.is_test or place(node.func) is None or not node.args:
        return
    if file.function(node) not in _with_two_steps(file):
        return
    images = node.args[0]
    made_by = value_of(file, images)
    if not isinstance(made_by, ast.Call) or made_by is node or place(made_by.func) is None:
        return
    discriminator, generator = file.text(node.func), file.text(made_by.func)
    step = _step_of(file, node, discriminator, generator)
    if step is None or gradients_may_be_off(file, made_by) or FREEZES.search(file.text(_around(file, node))):
        return
    written = file.text(images)
    yield Violation(
        node,
        f"`{file.text(step.call)}` trains `{discriminator}` only, but this loss also runs back through `{generator}`;"
        f" pass `{written}.detach()`",
        unsafe_fix("detach what the generator made", append(images, ".detach()")),
        (Note(made_by, "made here"),),
    )


@per_file
def _with_two_steps(file: File) -> frozenset[ast.AST | None]:
    """The functions in which more than one optimizer steps."""
    functions = [file.function(item.call) for item in events(file) if item.kind == "step"]
    return frozenset(function for function in functions if functions.count(function) > 1)


def _around(file: File, node: ast.AST) -> ast.AST:
    return file.function(node) or file.loop(node) or file.statement(node)


def _step_of(file: File, call: ast.Call, discriminator: str, generator: str) -> Event | None:
    """The step behind the backward pass of a call, if it trains the one network and another step the other."""
    function = file.function(call)
    own = [item for item in events(file) if file.function(item.call) is function]
    steps = [item for item in own if item.kind == "step" and item.subject is not None]
    if not any(_trains(file, step, generator) for step in steps):
        return None
    followed = [
        next((step for step in steps if step.call.lineno > item.call.lineno), None)
        for item in own
        if item.kind == "backward" and item.subject is not None and is_part_of(file, call, item.subject)
    ]
    alone = (
        step is not None and _trains(file, step, discriminator) and not _trains(file, step, generator)
        for step in followed
    )
    return followed[0] if followed and all(alone) else None


def _trains(file: File, step: Event, network: str) -> bool:
    """Whether the optimizer of a step was certainly made with a network's parameters."""
    made_by = None if step.subject is None else constructor(file, step.subject)
    if made_by is None:
        return False
    given = [*made_by.args, *(keyword.value for keyword in made_by.keywords)]
    return any(re.search(rf"(?<![\w.]){re.escape(network)}\.parameters\(", file.text(arg)) for arg in given)
