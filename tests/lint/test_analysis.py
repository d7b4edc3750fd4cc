"""What the engine works out: classes, makers of objects, producers of tensors, gradients, paths, calls."""

import ast

import pytest

from shapecheck.lint import File
from shapecheck.lint.analysis.calls import argument, callee, callers, calls_within, own_nodes, returned
from shapecheck.lint.analysis.classes import class_model
from shapecheck.lint.analysis.gradients import gradients_may_be_off, gradients_off
from shapecheck.lint.analysis.objects import (
    constructor_name,
    constructor_names,
    is_loss,
    is_optimizer,
    is_scaler,
    is_scheduler,
)
from shapecheck.lint.analysis.outputs import produced
from shapecheck.lint.analysis.paths import paths

HEAD = "import torch\nfrom torch import nn\nimport torch.nn.functional as F\n"


def used(code: str) -> tuple[File, ast.expr]:
    """The argument of the last call of `use`."""
    file = File(HEAD + code)
    return file, next(c for c in reversed(file.nodes(ast.Call)) if file.text(c.func) == "use").args[0]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("use(F.softmax(x, dim=1))", "softmax"),
        ("use(x.softmax(1).view(-1, 3).float())", "softmax"),
        ("p = torch.sigmoid(x)\nuse(p[:, 0])", "sigmoid"),
        ("p = torch.special.expit(x)\nuse(p)", "sigmoid"),
        ("m = nn.LogSoftmax(1)\nuse(m(x))", "log_softmax"),
        ("m = nn.Sequential(nn.Linear(2, 3), nn.Softmax(1)).to(d)\nuse(m(x))", "softmax"),
        ("m = nn.DataParallel(nn.Sequential(nn.Linear(2, 3)))\nuse(m(x))", "linear"),
        ("m = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.ReLU(), nn.Sigmoid()))\nuse(m(x))", "sigmoid"),
        ("m = nn.Sequential(*layers)\nuse(m(x))", None),
        ("m = nn.Sequential(nn.Softmax(1))\nm.append(nn.Linear(2, 3))\nuse(m(x))", None),
        ("if a:\n    p = F.softmax(x, 1)\nelse:\n    p = x\nuse(p)", None),
        ("if a:\n    p = F.softmax(x, 1)\nelse:\n    p = F.softmax(y, 1)\nuse(p)", "softmax"),
        ("def f(p):\n    use(p)", None),
        ("def probs(x):\n    return F.softmax(x, 1)\nuse(probs(x))", "softmax"),
        ("use(other.softmax_of(x))", None),
        ("use(F.softmax(x, 1) if a else F.softmax(y, 1))", "softmax"),
        ("import chainer.functional as F2\nuse(F2.softmax(x))", None),
    ],
)
def test_what_made_a_tensor(code: str, expected: str | None) -> None:
    file, node = used(code)
    found = produced(file, node)
    assert (None if found is None else found.op) == expected


MODULE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Linear(2, 3)
        self.adv = nn.Sequential(nn.Linear(3, 1), nn.Sigmoid())
        self.aux = nn.Sequential(nn.Linear(3, 4), nn.Softmax(1))
        self.act = nn.Softmax(dim=1)
    def forward(self, x):
        h = self.features(x)
        return {result}
net = Net().cuda()
{use}
"""


@pytest.mark.parametrize(
    ("result", "use", "expected"),
    [
        ("self.adv(h), self.aux(h)", "a, b = net(x)\nuse(b)", "softmax"),
        ("self.adv(h), self.aux(h)", "out = net(x)\nuse(out[0])", "sigmoid"),
        ("self.act(h)", "use(net(x))", "softmax"),
        ("h", "use(net(x).squeeze(1))", "linear"),
        ("self.aux(h) if self.training else h", "use(net(x))", None),
        ("F.log_softmax(h, 1)", "use(nn.DataParallel(net)(x))", "log_softmax"),
        ("self.unknown(h)", "use(net(x))", None),
    ],
)
def test_what_forward_returns(result: str, use: str, expected: str | None) -> None:
    file, node = used(MODULE.format(result=result, use=use))
    found = produced(file, node)
    assert (None if found is None else found.op) == expected


def test_the_module_that_made_a_tensor_is_at_hand() -> None:
    file, node = used("m = nn.Linear(2, 1)\nuse(m(x))")
    found = produced(file, node)
    assert found is not None and found.module is not None and file.text(found.module) == "nn.Linear(2, 1)"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("c = nn.CrossEntropyLoss().cuda()\nuse(c)", "torch.nn.CrossEntropyLoss"),
        ("use(nn.MSELoss())", "torch.nn.MSELoss"),
        ("c = nn.MSELoss()\nif a:\n    c = nn.L1Loss()\nuse(c)", None),
        ("def f(c):\n    use(c)", None),
        ("model = torch.compile(nn.Linear(1, 2).to(d))\nuse(model)", "torch.nn.Linear"),
        (
            "class T:\n    def __init__(self):\n        self.c = nn.MSELoss()\n    def f(self):\n        use(self.c)",
            "torch.nn.MSELoss",
        ),
    ],
)
def test_which_call_made_an_object(code: str, expected: str | None) -> None:
    file, node = used(code)
    assert constructor_name(file, node) == expected


def test_all_makers_that_can_reach() -> None:
    file, node = used("if a:\n    c = nn.MSELoss()\nelse:\n    c = nn.L1Loss()\nuse(c)")
    assert constructor_names(file, node) == {"torch.nn.MSELoss", "torch.nn.L1Loss"}
    assert is_loss(file, node)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("o = torch.optim.Adam(p)\nuse(o)", is_optimizer),
        ("from torch import optim\no = optim.SGD(p) if a else None\no = optim.SGD(p)\nuse(o)", is_optimizer),
        ("from apex.optimizers import FusedAdam\nuse(FusedAdam(p))", is_optimizer),
        ("s = torch.optim.lr_scheduler.StepLR(o, 1)\nuse(s)", is_scheduler),
        (
            "from transformers import get_linear_schedule_with_warmup\nuse(get_linear_schedule_with_warmup(o))",
            is_scheduler,
        ),
        ("s = torch.cuda.amp.GradScaler()\nuse(s)", is_scaler),
        ("s = torch.amp.GradScaler('cuda')\nuse(s)", is_scaler),
    ],
)
def test_kinds_of_objects(code: str, kind: object) -> None:
    file, node = used(code)
    kinds = (is_optimizer, is_scheduler, is_scaler, is_loss)
    assert [check for check in kinds if check(file, node)] == [kind]


@pytest.mark.parametrize(
    ("code", "off", "maybe"),
    [
        ("use(1)", False, False),
        ("with torch.no_grad():\n    use(1)", True, True),
        ("with torch.inference_mode(), open(p):\n    for i in r:\n        use(1)", True, True),
        ("@torch.no_grad()\ndef f():\n    use(1)", True, True),
        ("@torch.inference_mode\ndef f():\n    use(1)", True, True),
        ("from accelerate import no_grad\n@no_grad()\ndef f():\n    use(1)", True, True),
        ("torch.set_grad_enabled(False)\nuse(1)", True, True),
        ("torch.set_grad_enabled(True)\nuse(1)", False, False),
        ("with torch.set_grad_enabled(phase == 'train'):\n    use(1)", False, True),
        ("def f():\n    use(1)\nwith torch.no_grad():\n    f()", True, True),
        ("def f():\n    use(1)\nwith torch.no_grad():\n    f()\nf()", False, False),
        (
            "class A:\n    def g(self):\n        use(1)\n    @torch.no_grad()\n    def f(self):\n        self.g()",
            True,
            True,
        ),
    ],
)
def test_where_gradients_are_off(code: str, off: bool, maybe: bool) -> None:
    file, node = used(code)
    assert (gradients_off(file, node), gradients_may_be_off(file, node)) == (off, maybe)


def test_classes_know_their_lineage() -> None:
    file = File(
        HEAD
        + "class A(nn.Module):\n    def f(self): ...\nclass B(A):\n    x = 1\n    def g(self): ...\nclass C(Other): ..."
    )
    a, b, c = (class_model(file, node) for node in file.nodes(ast.ClassDef))
    assert [a.is_module, b.is_module, c.is_module] == [True, True, False]
    assert b.derives_from("torch.nn.Module") and b.method("f") is a.methods["f"]
    assert [bound.name for bound in b.attribute("x")] == ["x"]


def test_a_class_that_inherits_from_itself_ends() -> None:
    file = File("class A(B): ...\nclass B(A): ...\nb = A()\nb.f()")
    assert class_model(file, file.nodes(ast.ClassDef)[0]).method("f") is None


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("def f(): ...\nuse(f())", "f"),
        ("if a:\n    def f(): ...\nelse:\n    def f(): ...\nuse(f())", None),
        ("class A:\n    def f(self): ...\n    def g(self):\n        use(self.f())", "f"),
        ("class A:\n    def f(self): ...\na = A()\nuse(a.f())", "f"),
        ("class A:\n    @staticmethod\n    def f(): ...\nuse(A.f())", "f"),
        ("use(torch.cat())", None),
    ],
)
def test_the_function_behind_a_call(code: str, name: str | None) -> None:
    file, call = used(code)
    assert isinstance(call, ast.Call)
    body = callee(file, call)
    assert (body.name if isinstance(body, ast.FunctionDef) else None) == name


def test_calls_are_followed_one_level() -> None:
    file = File("def g():\n    deep()\ndef f():\n    g()\n    zero()\nfor i in r:\n    f()\n")
    loop = file.nodes(ast.For)[0]
    names = [file.text(call.func) for call in calls_within(file, loop)]
    assert names == ["f", "g", "zero"]
    function = file.nodes(ast.FunctionDef)[0]
    assert [file.text(call) for call in callers(file, function)] == ["g()"]


def test_nested_definitions_are_not_part_of_a_function() -> None:
    file = File("def f():\n    a()\n    def g():\n        b()\n        return 1\n    return 2\n")
    function = file.nodes(ast.FunctionDef)[0]
    assert [file.text(n) for n in own_nodes(function) if isinstance(n, ast.Call)] == ["a()"]
    assert [file.text(v) for v in returned(function) if v is not None] == ["2"]


def test_arguments_behind_stars_are_unknown() -> None:
    file = File("f(1, *a, 2, k=3)")
    [call] = file.nodes(ast.Call)
    assert [argument(call, 0), argument(call, 2), argument(call, None, "k")] == [
        call.args[0],
        None,
        call.keywords[0].value,
    ]


PATHS = {
    "sequence": ("a()\nb(c())", ["a c b"]),
    "arms": ("if p:\n    a()\nelse:\n    b()\nc()", ["a c", "b c"]),
    "the same test again": ("if p:\n    a()\nelse:\n    b()\nif p:\n    c()", ["a c", "b"]),
    "its negation": ("if p:\n    a()\nif not p:\n    b()", ["a", "b"]),
    "None tests": ("if s is not None:\n    a()\nif s is None:\n    b()", ["a", "b"]),
    "re-bound in between": ("if p:\n    a()\np = q\nif p:\n    b()", ["a b", "a", "b", ""]),
    "a test that calls": ("if p():\n    a()\nif p():\n    b()", ["p a p b", "p a p", "p p b", "p p"]),
    "return": ("if p:\n    a()\n    return\nb()", ["a", "b"]),
    "loop": ("for i in a():\n    if p:\n        continue\n    b()\nc()", ["a c", "a b c"]),
    "with": ("with a():\n    b()", ["a b"]),
    "try": ("try:\n    a()\nexcept E:\n    b()\nelse:\n    c()\nfinally:\n    d()", ["a c d"]),
    "nested functions don't run": ("def g():\n    a()\nb()", ["b"]),
    "value before target": ("x[a()] = b()", ["b a"]),
}


@pytest.mark.parametrize(("body", "expected"), PATHS.values(), ids=PATHS)
def test_paths(body: str, expected: list[str]) -> None:
    indented = "\n".join(f"    {line}" for line in body.split("\n"))
    file = File(f"def f():\n{indented}")
    ways = paths(file, file.nodes(ast.FunctionDef)[0].body, lambda node: isinstance(node, ast.Call))
    assert [" ".join(file.text(call.func) for call in way) for way in ways] == expected  # type: ignore[attr-defined]


def test_too_many_paths_are_none() -> None:
    body = "".join(f"    if p{i}:\n        a()\n" for i in range(20))
    file = File(f"def f():\n{body}")
    assert paths(file, file.nodes(ast.FunctionDef)[0].body, lambda node: isinstance(node, ast.Call)) == []
