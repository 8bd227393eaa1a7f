"""What an accelerator costs for an hour."""

import re
from typing import Annotated, NamedTuple

import typer

from stillhouse.errors import UserError

PriceOption = Annotated[
    str, typer.Option("--gpu-price", metavar="PRICE", help="Of one accelerator for an hour: 2.50, or '2.50 EUR'.")
]


class Price(NamedTuple):
    """Of an hour of one accelerator."""

    amount: float
    unit: str = ""
    """Written behind it, as the user wrote it."""

    def cost(self, gpu_seconds: float) -> str:
        """Of so many seconds of one accelerator."""
        return f"{self.amount * gpu_seconds / 3600:,.2f} {self.unit}".rstrip()


def parse_price(text: str) -> Price | None:
    """`2.50` or `2.50 EUR`; None when nothing is given.

    Raises:
        UserError: it is neither.
    """
    if not text:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(\S{0,12})", text.strip())
    if not found:
        raise UserError(f"--gpu-price '{text}' must be a number, with or without a currency after it: '2.50 EUR'.")
    return Price(float(found[1]), found[2])
