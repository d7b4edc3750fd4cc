"""The two healthy programs learn, under contract, and no contract or guard objects to them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import shapecheck
from examples import char_gpt, digits_vit
from examples.bugs import digits_assert_upload

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(autouse=True)
def one_thread():
    """Small models are slower on many threads, and their sums differ."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def test_the_digits_are_learned():
    training, test = digits_vit.load_split()
    model = digits_vit.DigitsViT()
    history = digits_vit.train(model, training, epochs=20)
    assert history[-1] < 0.05 < 2 < history[0]
    assert digits_vit.accuracy(model, test) >= 0.95


def test_recall_is_that_of_a_hand_count():
    counts = torch.tensor([[3, 1], [0, 6]])
    assert digits_vit.rates(counts).tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_patches_are_squares_in_reading_order():
    image = torch.arange(16.0).view(1, 4, 4)
    assert digits_vit.patchify(image, 2)[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


def test_the_play_is_learned():
    vocabulary, training, held_out = char_gpt.load_text()
    model = char_gpt.CharGPT(len(vocabulary), context=32, d=48, depth=2)
    history = char_gpt.train(model, training, steps=300)
    assert history[0] > 4
    baseline = char_gpt.bigram_loss(char_gpt.bigram_table(training, len(vocabulary)), held_out).item()
    assert char_gpt.evaluate(model, held_out) < baseline < 2.5


def test_no_position_sees_a_later_one():
    model = char_gpt.CharGPT(vocabulary=10, context=8, d=16, heads=2, depth=2)
    tokens = torch.randint(10, (1, 8))
    changed = tokens.clone()
    changed[0, 5:] = (tokens[0, 5:] + 1) % 10
    before, after = model(tokens), model(changed)
    torch.testing.assert_close(before[:, :5], after[:, :5])
    assert not torch.allclose(before[:, 5:], after[:, 5:])


def test_generated_text_goes_on_from_the_prompt():
    vocabulary, *_ = char_gpt.load_text()
    model = char_gpt.CharGPT(len(vocabulary), context=8, d=16, heads=2, depth=1)
    prompt = vocabulary.encode("ORLANDO")
    written = vocabulary.decode(model.generate(prompt.unsqueeze(0), length=20)[0])
    assert written.startswith("ORLANDO")
    assert len(written) == 27


@pytest.mark.parametrize("broadcast", ["echo", "outer"])
def test_every_call_is_guarded_without_a_report(broadcast):
    with shapecheck.configure(check="always", broadcast=broadcast):
        training, test = digits_vit.load_split()
        vit = digits_vit.DigitsViT()
        digits_vit.train(vit, training, epochs=1)
        digits_vit.rates(digits_vit.confusion(vit, test))
        vocabulary, text, held_out = char_gpt.load_text()
        gpt = char_gpt.CharGPT(len(vocabulary), context=16, d=16, depth=1)
        char_gpt.train(gpt, text, steps=5)
        char_gpt.evaluate(gpt, held_out, batches=1)
        char_gpt.bigram_loss(char_gpt.bigram_table(text, len(vocabulary)), held_out)


SEND = """
import torch
from examples.bugs import digits_assert_upload
from examples import digits_vit

model = digits_vit.DigitsViT()
print(*digits_assert_upload.classify(model, torch.rand(4, 16)))
try:
    digits_vit.classify(model, torch.rand(4, 16))
except TypeError as refusal:
    print(type(refusal).__name__, refusal)
"""


def test_user_input_is_refused_with_assertions_compiled_away():
    command = [sys.executable, "-O", "-c", SEND]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    answer = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout
    misread, refusal = answer.splitlines()[:2]
    digit, confidence = misread.split()
    assert 0 <= int(digit) <= 9
    assert 0 < float(confidence) < 1
    assert refusal.startswith("ShapeError classify(): argument `image`")


def test_the_assertion_refuses_while_it_is_there():
    with pytest.raises(AssertionError, match="8x8 pixels"):
        digits_assert_upload.classify(digits_vit.DigitsViT(), torch.rand(4, 16))
