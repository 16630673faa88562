"""Types of options that simulated studies share: lists of different values within limits."""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, Field

from mtnas.config.blocks import different

Item = TypeVar("Item")
Different = Annotated[tuple[Item, ...], AfterValidator(different), Field(min_length=1)]

Counts = Different[Annotated[int, Field(ge=1)]]
Amounts = Different[Annotated[float, Field(ge=0)]]
Positive = Different[Annotated[float, Field(gt=0)]]
Shares = Different[Annotated[float, Field(ge=0, le=1)]]
Rates = Different[Annotated[float, Field(gt=0, lt=1)]]
Angles = Different[Annotated[float, Field(gt=0, lt=180)]]
Loss = Literal["squared", "logistic"]
Losses = Different[Loss]
