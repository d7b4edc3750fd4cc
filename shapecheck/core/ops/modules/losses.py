"""Losses: modules that are their functional."""

from __future__ import annotations

from shapecheck.core.ops.modules.table import same_as

_OLD = "size_average=None, reduce=None"

same_as(f"nn.MSELoss({_OLD}, reduction='mean')", "F.mse_loss")
same_as(f"nn.L1Loss({_OLD}, reduction='mean')", "F.l1_loss")
same_as(f"nn.SmoothL1Loss({_OLD}, reduction='mean', beta=1.0)", "F.smooth_l1_loss")
same_as("nn.HuberLoss(reduction='mean', delta=1.0)", "F.huber_loss")
same_as(f"nn.KLDivLoss({_OLD}, reduction='mean', log_target=False)", "F.kl_div")
same_as(f"nn.SoftMarginLoss({_OLD}, reduction='mean')", "F.soft_margin_loss")
same_as(f"nn.HingeEmbeddingLoss(margin=1.0, {_OLD}, reduction='mean')", "F.hinge_embedding_loss")
same_as(f"nn.BCELoss(weight=None, {_OLD}, reduction='mean')", "F.binary_cross_entropy")
same_as(
    f"nn.BCEWithLogitsLoss(weight=None, {_OLD}, reduction='mean', pos_weight=None)",
    "F.binary_cross_entropy_with_logits",
)
same_as(
    "nn.NLLLoss(weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean')",
    "F.nll_loss",
)
same_as(
    "nn.CrossEntropyLoss(weight=None, size_average=None, ignore_index=-100, reduce=None, reduction='mean',"
    " label_smoothing=0.0)",
    "F.cross_entropy",
)
same_as(
    "nn.PoissonNLLLoss(log_input=True, full=False, size_average=None, eps=1e-08, reduce=None, reduction='mean')",
    "F.poisson_nll_loss",
)
same_as("nn.GaussianNLLLoss(full=False, eps=1e-06, reduction='mean')", "F.gaussian_nll_loss")
same_as(f"nn.MarginRankingLoss(margin=0.0, {_OLD}, reduction='mean')", "F.margin_ranking_loss")
same_as(f"nn.CosineEmbeddingLoss(margin=0.0, {_OLD}, reduction='mean')", "F.cosine_embedding_loss")
same_as(
    f"nn.TripletMarginLoss(margin=1.0, p=2.0, eps=1e-06, swap=False, {_OLD}, reduction='mean')",
    "F.triplet_margin_loss",
)
same_as(f"nn.MultiMarginLoss(p=1, margin=1.0, weight=None, {_OLD}, reduction='mean')", "F.multi_margin_loss")
same_as("nn.CTCLoss(blank=0, reduction='mean', zero_infinity=False)", "F.ctc_loss")
