"""A recurrent state that is carried from step to step with its graph.

## Why is this bad?

The state remembers the step that made it, which remembers the one before. `backward()` then runs into the graph of the
last step, which is gone: "Trying to backward through the graph a second time". With `retain_graph=True` it runs instead
through all steps since the start, slower and with more memory each time.

## Example

```python bad
import torch

def train(model, batches, criterion, optimizer):
    hidden = model.init_hidden()
    for x, y in batches:
        optimizer.zero_grad()
        output, hidden = model(x, hidden)  # error: `hidden` carries the graph
        loss = criterion(output, y)
        loss.backward(retain_graph=True)
        optimizer.step()
```

```python bad
import torch

class Trainer:
    def __init__(self, model):
        self.model = model
        self.hidden = model.init_hidden()

    def train(self, batches, criterion, optimizer):
        for x, y in batches:
            optimizer.zero_grad()
            output, self.hidden = self.model(x, self.hidden)  # error: `self.hidden` carries the graph
            criterion(output, y).backward()
            optimizer.step()
```

Use instead:

```python good
import torch

def train(model, batches, criterion, optimizer):
    hidden = model.init_hidden()
    for x, y in batches:
        optimizer.zero_grad()
        hidden = hidden.detach()
        output, hidden = model(x, hidden)
        loss = criterion(output, y)
        loss.backward()
        optimizer.step()
```

## Known limits

The state must be made by the very call that takes it, and `backward()` must run in the same turn of the loop that
carries it: a loop over the time steps of one batch carries its state on purpose. Models that detach what they are given
are known only if they are in the same file.

```python good
import torch

class Net(torch.nn.Module):
    def forward(self, x, state):
        state = state.detach()
        return self.rnn(x, state)

def train(model, batches, criterion, optimizer):
    for sequence, y in batches:
        hidden = model.init_hidden()
        for x in sequence:
            output, hidden = model(x, hidden)
        optimizer.zero_grad()
        criterion(output, y).backward()
        optimizer.step()

def train_net(batches, criterion, optimizer, state):
    net = Net()
    for x, y in batches:
        optimizer.zero_grad()
        output, state = net(x, state)
        criterion(output, y).backward()
        optimizer.step()

class Trainer:
    def reset(self):
        self.state = self.model.init_hidden()

    def train(self, batches, criterion, optimizer):
        for x, y in batches:
            optimizer.zero_grad()
            self.reset()
            output, self.state = self.model(x, self.state)
            criterion(output, y).backward()
            optimizer.step()

def train_repackaged(model, batches, criterion, optimizer, hidden):
    for x, y in batches:
        optimizer.zero_grad()
        output, hidden = model(x, hidden)
        criterion(output, y).backward()
        optimizer.step()
        hidden = tuple(h.data for h in hidden)
```
"""

import ast
import re
from collections.abc import Iterator

from shapecheck.lint import File, Violation
from shapecheck.lint.analysis.classes import class_around, self_name
from shapecheck.lint.analysis.flow import bindings
from shapecheck.lint.analysis.gradients import gradients_may_be_off
from shapecheck.lint.analysis.graphs import may_reach_backward
from shapecheck.lint.analysis.objects import instance_of
from shapecheck.lint.analysis.training import events, last_name

GROUP = "training"
TOKENS = (b"backward",)

STATE = re.compile(r"^(?:h|c|hx|cx|h_?[nt0]|c_?[nt0]|hc|states?|mems?|memory)$|hidden|_state|state_|carry")
CUTS = re.compile(r"detach|repackage|no_grad")
DATA = re.compile(r"\.data\b")


def check(node: ast.Assign, file: File) -> Iterator[Violation]:
    call, loop = node.value, file.loop(node)
    if not isinstance(call, ast.Call) or loop is None or file.is_test or file.qualified_name(call.func):
        return
    carried = next((arg for arg in _given(call) if _is_carried(file, arg, node, loop)), None)
    if carried is None or not _is_backpropagated(file, node, loop) or _may_be_cut(file, call, last_name(carried), loop):
        return
    yield Violation(
        node,
        f"`{file.text(carried)}` carries the graph of all steps before into `{file.text(call.func)}`; detach it first",
    )


def _given(call: ast.Call) -> Iterator[ast.Name | ast.Attribute]:
    """The names and attributes that are passed to a call, one by one or in a tuple."""
    for arg in [*call.args, *(keyword.value for keyword in call.keywords)]:
        for item in arg.elts if isinstance(arg, ast.Tuple) else (arg,):
            if isinstance(item, ast.Name | ast.Attribute) and STATE.search(last_name(item)):
                yield item


def _is_carried(file: File, state: ast.Name | ast.Attribute, node: ast.Assign, loop: ast.AST) -> bool:
    """Whether a state comes from before the loop in the first turn, and from this very statement in all others."""
    if isinstance(state, ast.Attribute):
        return _is_attribute_carried(file, state, node)
    found = bindings(file, state)
    inside = set(ast.walk(loop))
    return (
        any(made.node is node for made in found)
        and all(
            made.node is node or (made.node not in inside and made.kind in ("assign", "parameter")) for made in found
        )
        and len(found) > 1
    )


def _is_attribute_carried(file: File, state: ast.Attribute, node: ast.Assign) -> bool:
    """Whether `self.hidden` is bound by this statement and in `__init__`, and nowhere else."""
    model, own = class_around(file, node), self_name(file, node)
    if model is None or not isinstance(state.value, ast.Name) or state.value.id != own:
        return False
    others = [made for made in model.attribute(state.attr) if made.node is not node]
    init = model.method("__init__")
    return len(others) < len(model.attribute(state.attr)) and all(file.function(made.node) is init for made in others)


def _is_backpropagated(file: File, node: ast.Assign, loop: ast.AST) -> bool:
    """Whether this turn of the loop backpropagates what the call returned."""
    if gradients_may_be_off(file, node):
        return False
    here = [item for item in events(file) if item.kind == "backward" and file.loop(item.call) is loop]
    names = (part for target in node.targets for part in ast.walk(target) if isinstance(part, ast.Name))
    return bool(here) and any(may_reach_backward(file, name) for name in names if not STATE.search(name.id))


def _may_be_cut(file: File, call: ast.Call, state: str, loop: ast.AST) -> bool:
    """Whether something in the loop, or the model where it is known, detaches a state."""
    lines = file.text(loop).split("\n")
    model = instance_of(file, call.func)
    if any(CUTS.search(line) or (DATA.search(line) and state in line) for line in lines):
        return True
    return model is not None and bool(CUTS.search(file.text(model.node)))
