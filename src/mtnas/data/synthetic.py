"""Two regressions whose relatedness is set: the synthetic data of the paper's Sec. 5.1.

Simulated, never measured. What the paper leaves open is D12. Shapes: N rows, D inputs.
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mtnas.runtime import seeds
from mtnas.runtime.options import Options

Floats = NDArray[np.float32]
TASKS = ("t0", "t1")


class SyntheticOptions(Options):
    """What is drawn (paper, Eqs. 6-9); one entry of `synthetic`."""

    rho: float = Field(0.0, ge=-1, le=1, description="cosine of the two weight vectors")
    dim: int = Field(100, ge=2, description="d, inputs (D12)")
    num_sines: int = Field(10, ge=0, description="m, sines in a label (D12)")
    scale: float = Field(1.0, gt=0, description="length of the weight vectors (paper: 1)")
    noise_variance: float = Field(0.01, ge=0, description="of a label's noise (paper: 0.01)")
    rows: int = Field(10_000, ge=3, description="examples of one seed (paper: 10,000)")


def draw(options: SyntheticOptions, seed: int) -> tuple[Floats, Floats]:
    """Draw the data of one seed, parameters included: inputs x_ND and labels [N, 2]."""
    rng = seeds.generator(seed, "synthetic")
    weights = weight_vectors(rng, options.dim, options.rho)
    alpha, beta = rng.standard_normal((2, options.num_sines))
    x = rng.standard_normal((options.rows, options.dim))
    labels = np.stack([respond(options.scale * x @ w, alpha, beta) for w in weights], axis=1)
    labels += np.sqrt(options.noise_variance) * rng.standard_normal(labels.shape)
    return x.astype(np.float32), labels.astype(np.float32)


def weight_vectors(
    rng: np.random.Generator, dim: int, rho: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two unit vectors with cosine `rho` (Eqs. 6 and 7)."""
    first, second = np.linalg.qr(rng.standard_normal((dim, 2)))[0].T
    return first, rho * first + np.sqrt(1 - rho**2) * second


def respond(
    z: NDArray[np.float64], alpha: NDArray[np.float64], beta: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return a label without its noise, given z = w . x (Eqs. 8 and 9)."""
    return np.asarray(z + np.sin(np.multiply.outer(z, alpha) + beta).sum(-1))
