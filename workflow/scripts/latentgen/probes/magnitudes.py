"""Rows of any magnitude, brought by powers of two to where their squares can be added up.

float32 cannot hold the square of 1e20, nor that of 1e-25. A product with a power of two changes no
digit, and ordinary rows are left as they are.
"""

import torch
from torch import Tensor


def magnitudes(rows: Tensor) -> Tensor:
    """Largest absolute value of each row of (n, width), (n,); not finite if one of them is not."""
    if not rows.is_floating_point():
        rows = rows.double()
    return torch.linalg.vector_norm(rows, ord=torch.inf, dim=1)


def factors(largest: Tensor, dtype: torch.dtype) -> Tensor:
    """Powers of two that bring magnitudes to about 1, float64 (n,); 1 for ordinary ones.

    Ordinary are zero and, in float32, 1.4e-13 to 7e12: their squares leave a third of the range of
    exponents for sums of them.

    >>> factors(torch.tensor([0.0, 3.0, 3e20, 3e-20]), torch.float32).log2().tolist()
    [0.0, 0.0, -69.0, 64.0]
    """
    limit = torch.finfo(dtype).max ** (1 / 3)
    largest = largest.double()
    ordinary = (largest == 0) | ((1 / limit <= largest) & (largest <= limit)) | ~largest.isfinite()
    exponents = torch.where(ordinary, 0.5, largest).frexp().exponent  # of 0.5 it is 0
    return torch.ldexp(torch.ones_like(largest), -exponents.clamp(-1000, 1000))


def scaled(rows: Tensor, by: Tensor) -> Tensor:
    """Rows (n, width) times their factors, float64 (n,) or a scalar, in the rows' dtype."""
    if bool((by == 1).all()):
        return rows
    dtype = rows.dtype if rows.is_floating_point() else torch.float64
    return (rows.double() * by.to(rows.device).unsqueeze(-1)).to(dtype)


def ordinary(rows: Tensor, dtype: torch.dtype) -> Tensor:
    """Rows (n, width), each times its own power of two where it is not ordinary in a dtype."""
    return scaled(rows, factors(magnitudes(rows), dtype))


def ordinary_together(rows: Tensor) -> Tensor:
    """Rows (n, width), n > 0, all times one power of two where the largest is not ordinary."""
    # The extremes, as the magnitudes of all rows would be found in a copy of them.
    low, high = (extreme.double().abs() for extreme in rows.aminmax())
    return scaled(rows, factors(torch.maximum(low, high), torch.float32))
