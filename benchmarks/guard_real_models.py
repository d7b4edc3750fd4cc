"""Does a guard report anything in healthy models? Families of timm and transformers, each trained two steps.

Needs timm (with torchvision) and transformers; nothing is downloaded, the weights are random. Each model runs twice
with the same seed, bare and under `guard`: forward, loss, backward, optimizer step. A report would be a false alarm or
a bug; the losses have to be equal to the last bit.

    python -m benchmarks.guard_real_models                 # the default level
    python -m benchmarks.guard_real_models finite          # with finite=True as well
    python -m benchmarks.guard_real_models bert resnet     # only these families, each report in full
"""

from __future__ import annotations

import gc
import importlib.util
import io
import logging
import random
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any

import numpy
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from benchmarks import measure
from shapecheck.runtime.guard import guard
from shapecheck.runtime.settings import ShapeWarning, configure

LARGEST = 30_000_000  # parameters; larger ones are skipped

TIMM = """
    halonet_h1 test_byobnet cait_xxs24_224 coat_tiny convit_tiny convmixer_768_32 test_convnext cpubone_nano
    crossvit_tiny_240 csatv2 cs3darknet_s cspnext_tiny davit_tiny deit_tiny_patch16_224 densenet121 dla46_c dpn48b
    edgenext_x_small efficientformer_l1 efficientformerv2_s0 mixnet_s efficientvim_m1 efficientvit_b0 efficientvit_m0
    eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 focalnet_tiny_srf gcvit_xxtiny ghostnet_050 hardcorenas_b
    hgnetv2_b0 hiera_tiny_224 sam2_hiera_tiny hrnet_w18_small iformer_t inception_next_atto inception_v3
    lcnetv2_small levit_128s lowformer_b0 test_mambaout test_maxvit poolformerv2_s12 gmlp_ti16_224 lcnet_035
    mobilevit_xs mvitv2_tiny nest_tiny test_nfnet pit_ti_224 pvt_v2_b0 rdnet_tiny regnetx_002 repghostnet_050
    repvit_m1 res2next50 resnest14d resnet10t resnetv2_18 rexnet_100 selecsls42 legacy_seresnet18 sequencer2d_s
    shvit_s1 skresnet18 starnet_s1 swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window8_256
    swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_legacy_patch16_224 tresnet_m twins_svt_small visformer_tiny test_vit
    vit_tiny_r_s16_p8_224 test_vit_relpos vitamin_small_224 volo_d1_224 ese_vovnet19b_slim legacy_xception
    xception41p xcit_nano_12_p8_224
"""

SMALL: Mapping[str, Any] = {
    "hidden_size": 32, "d_model": 32, "n_embd": 32, "embed_dim": 32, "dim": 32, "emb_dim": 32, "embedding_size": 32,
    "num_hidden_layers": 2, "num_layers": 2, "n_layer": 2, "n_layers": 2, "encoder_layers": 2, "decoder_layers": 2,
    "num_decoder_layers": 2, "num_encoder_layers": 2, "num_attention_heads": 4, "n_head": 4, "n_heads": 4,
    "num_heads": 4, "num_key_value_heads": 2, "encoder_attention_heads": 4, "decoder_attention_heads": 4,
    "intermediate_size": 64, "ffn_dim": 64, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64, "d_ff": 64, "d_kv": 8,
    "hidden_dim": 64, "head_dim": 8, "vocab_size": 99, "max_position_embeddings": 64, "n_positions": 64,
    "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4, "num_experts_per_tok": 2,
    "moe_intermediate_size": 16, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
    "decoder_start_token_id": 1, "image_size": 32, "patch_size": 8, "num_labels": 5, "layer_types": None,
}  # fmt: skip
"""What makes a configuration small, whatever it calls it; names that a configuration hasn't are left out."""


@dataclass(frozen=True, slots=True)
class Family:
    """One architecture: how to build it, and how to compute a loss of it."""

    group: str
    name: str
    build: Callable[[], nn.Module]
    loss: Callable[[nn.Module], Tensor]


@dataclass(slots=True)
class Outcome:
    """What became of one family; `skipped` says why it didn't run, which is never the guard's doing."""

    family: Family
    skipped: str = ""
    calls: int = 0
    reports: list[str] = field(default_factory=list)
    equal: bool = False


def unavailable() -> str | None:
    missing = [name for name in ("timm", "torchvision", "transformers") if importlib.util.find_spec(name) is None]
    return f"needs {', '.join(missing)}" if missing else None


def run(options: measure.Options) -> Iterable[measure.Table]:
    finite = "finite" in options.arguments
    wanted = set(options.arguments) - {"finite"}
    families = [family for family in everything() if not wanted or wanted & {family.name, family.group}]
    outcomes = []
    for family in families[:: 20 if options.quick else 1]:
        outcomes.append(outcome := _tried(family, {"finite": True} if finite else {}))
        gc.collect()
        if wanted or outcome.reports or not (outcome.equal or outcome.skipped):
            print(f"{family.group} {family.name}: {outcome.skipped or f'{outcome.calls} calls, equal {outcome.equal}'}")
            print("\n".join(outcome.reports), flush=True)
    yield _table(outcomes, "finite=True" if finite else "the default level")


def everything() -> Iterator[Family]:
    """Every family that is tried."""
    yield from (Family("timm", name, _timm(name), _image_loss) for name in TIMM.split())
    yield from _transformers()


def _table(outcomes: list[Outcome], level: str) -> measure.Table:
    rows = []
    for group in dict.fromkeys(outcome.family.group for outcome in outcomes):
        ran = [outcome for outcome in outcomes if outcome.family.group == group and not outcome.skipped]
        skipped = sum(outcome.family.group == group for outcome in outcomes) - len(ran)
        rows.append(
            (
                group,
                len(ran),
                f"{sum(outcome.calls for outcome in ran):_}",
                sum(len(outcome.reports) for outcome in ran),
                sum(outcome.equal for outcome in ran),
                skipped,
            )
        )
    families, calls, *rest = (sum(int(str(row[i]).replace("_", "")) for row in rows) for i in range(1, 6))
    total = ("all", families, f"{calls:_}", *rest)
    names = [
        f"{group}: " + ", ".join(one.family.name for one in outcomes if one.family.group == group and not one.skipped)
        for group in dict.fromkeys(outcome.family.group for outcome in outcomes)
    ]
    return measure.Table(
        f"Reports in two training steps of healthy models under `guard` at {level}",
        ("models", "families", "torch calls", "reports", "equal losses", "couldn't be built small"),
        (*rows, total),
        (
            "Equal losses: bitwise those of the bare run with the same seed, before and after the first step.",
            "A family that the generic small configuration doesn't fit is counted in the last column, not tried.",
            *names,
        ),
    )


def _tried(family: Family, options: Mapping[str, Any]) -> Outcome:
    outcome = Outcome(family)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _refuse_large(family)
            bare = _trained(family)
    except Exception as error:  # whatever third-party code does with an odd configuration
        outcome.skipped = f"{type(error).__name__}: {str(error)[:200]}"
        return outcome
    counter, guarded = _Counter(), None
    with warnings.catch_warnings(record=True) as caught, configure(mode="warn"):
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", ShapeWarning)
        try:
            with guard(**options), counter, redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
                guarded = _trained(family)
        except Exception as error:  # it ran without the guard
            outcome.reports.append(f"raised {type(error).__name__}: {str(error)[:500]}")
    outcome.calls = counter.calls
    outcome.reports += [str(warning.message) for warning in caught if warning.category is ShapeWarning]
    outcome.equal = guarded is not None and all(torch.equal(a, b) for a, b in zip(bare, guarded, strict=True))
    return outcome


def _trained(family: Family) -> list[Tensor]:
    """Two steps of training: the loss before each, the second of which shows what the first did."""
    _seed(0)
    model = family.build().train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(2):
        _seed(1)
        loss = family.loss(model)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses


def _seed(seed: int) -> None:
    random.seed(seed)
    numpy.random.seed(seed)  # what models draw their masks from
    torch.manual_seed(seed)


def _refuse_large(family: Family) -> None:
    with torch.device("meta"):
        count = sum(parameter.numel() for parameter in family.build().parameters())
    if count > LARGEST:
        raise ValueError(f"{count:_} parameters")


class _Counter(TorchFunctionMode):
    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def _timm(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import timm

        model: nn.Module = timm.create_model(name, num_classes=5)
        return model

    return build


def _image_loss(model: nn.Module) -> Tensor:
    config: dict[str, Any] = model.default_cfg  # type: ignore[assignment]
    channels, height, width = config["input_size"] if config.get("fixed_input_size") else (3, 96, 96)
    images, labels = torch.rand(2, channels, height, width), torch.tensor([1, 3])
    return nn.functional.cross_entropy(model(images), labels)


def _transformers() -> Iterator[Family]:
    from transformers.models.auto import modeling_auto as auto

    logging.disable(logging.WARNING)
    groups: list[tuple[str, str, str, Callable[[nn.Module], Tensor]]] = [
        ("causal language model", "CausalLM", "CAUSAL_LM", _token_loss),
        ("masked language model", "MaskedLM", "MASKED_LM", _token_loss),
        ("encoder and decoder", "Seq2SeqLM", "SEQ_TO_SEQ_CAUSAL_LM", _token_loss),
        ("image classifier", "ImageClassification", "IMAGE_CLASSIFICATION", _pixel_loss),
        ("detector", "ObjectDetection", "OBJECT_DETECTION", _box_loss),
        ("segmenter", "SemanticSegmentation", "SEMANTIC_SEGMENTATION", _mask_loss),
        ("audio classifier", "AudioClassification", "AUDIO_CLASSIFICATION", _sound_loss),
        ("time series", "TimeSeriesPrediction", "TIME_SERIES_PREDICTION", _series_loss),
    ]
    for group, loader, mapping, loss in groups:
        for name in getattr(auto, f"MODEL_FOR_{mapping}_MAPPING_NAMES"):
            yield Family(group, name, _pretrained(f"AutoModelFor{loader}", name), loss)


def _pretrained(loader: str, name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import transformers
        from transformers import AutoConfig

        model: nn.Module = getattr(transformers, loader).from_config(_small(AutoConfig.for_model(name)))
        return model

    return build


def _small(config: Any) -> Any:
    """A configuration of the same family with everything small."""
    given = config.to_dict()
    overrides = {name: value for name, value in SMALL.items() if name in given and not isinstance(given[name], list)}
    for name, value in vars(config).items():
        if name.endswith("_config") and hasattr(value, "to_dict"):
            overrides[name] = _small(value)
    small = type(config)(**overrides)
    if small.is_encoder_decoder:
        small.decoder_start_token_id = 1
    return small


def _token_loss(model: nn.Module) -> Tensor:
    tokens = torch.randint(3, 90, (2, 9))
    loss: Tensor = model(input_ids=tokens, labels=tokens.clone()).loss
    return loss


def _pixels(model: nn.Module) -> Tensor:
    config: Any = model.config
    size = getattr(config, "image_size", None) or 64
    height, width = (size, size) if isinstance(size, int) else tuple(size)[:2]
    return torch.rand(2, getattr(config, "num_channels", 3) or 3, height, width)


def _pixel_loss(model: nn.Module) -> Tensor:
    loss: Tensor = model(pixel_values=_pixels(model), labels=torch.tensor([0, 1])).loss
    return loss


def _box_loss(model: nn.Module) -> Tensor:
    boxes = [{"class_labels": torch.tensor([0, 1, 1]), "boxes": torch.rand(3, 4) * 0.4 + 0.1} for _ in range(2)]
    loss: Tensor = model(pixel_values=_pixels(model), labels=boxes).loss
    return loss


def _mask_loss(model: nn.Module) -> Tensor:
    pixels = _pixels(model)
    loss: Tensor = model(pixel_values=pixels, labels=torch.randint(2, (2, *pixels.shape[-2:]))).loss
    return loss


def _sound_loss(model: nn.Module) -> Tensor:
    loss: Tensor = model(torch.randn(2, 4000), labels=torch.tensor([0, 1])).loss
    return loss


def _series_loss(model: nn.Module) -> Tensor:
    config: Any = model.config
    past = torch.rand(2, getattr(config, "context_length", 32), getattr(config, "num_input_channels", 1))
    output = model(
        past_values=past, future_values=torch.rand(2, getattr(config, "prediction_length", 8), past.shape[-1])
    )
    return next(value for name, value in output.items() if name.endswith("loss") and value is not None)


if __name__ == "__main__":
    sys.exit(measure.main(run))
