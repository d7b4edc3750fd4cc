"""Names of the result that look like a misspelled name of an argument, and those that don't."""

import warnings

import pytest
from jaxtyping import Float
from torch import Tensor

from shapecheck import contract
from shapecheck.runtime.settings import ShapeWarning
from shapecheck.runtime.validate import is_slip

SLIPS = ["with width", "hieght height", "bacth batch", "chanels channels", "channells channels", "seqence sequence"]

# Pairs of one signature in real packages (alphafold3-pytorch, linear-operator, transformer-lens, ...) that differ by
# one letter, the result's name first, and others that names have on purpose.
MEANT = """M_N R_N dp_d dp_dpr dp_dpt dp_ds ds_da ldim_rdim rdim_ldim n_nt no_n ts_s ts_t b_a
    head1_head2 heads_head dim_in/dim_on h_in/h_out n_pos/n_pod query/query2 key/keys rows/cols x_ij/x_ji""".split()


@pytest.mark.parametrize("pair", SLIPS)
def test_a_slip_is_warned_of(pair: str) -> None:
    wrong, meant = pair.split()
    assert is_slip(wrong, meant)

    def f(x: Float[Tensor, f"n {meant}"]) -> Float[Tensor, f"n {wrong}"]:  # type: ignore[valid-type]
        return x

    with pytest.warns(ShapeWarning, match=rf"dim `{wrong}` is no argument's; is `{meant}` meant"):
        contract(f)


@pytest.mark.parametrize("pair", MEANT)
def test_a_name_of_its_own_is_not(pair: str) -> None:
    name, other, *_ = pair.split("/") if "/" in pair else pair.split("_")

    def f(x: Float[Tensor, f"a {other}"]) -> Float[Tensor, f"a {name}"]:  # type: ignore[valid-type]
        return x

    with warnings.catch_warnings():
        warnings.simplefilter("error", ShapeWarning)
        contract(f)
