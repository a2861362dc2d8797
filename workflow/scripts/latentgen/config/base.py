"""What all blocks of config.yaml share: strictness, and the few kinds of values."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    model_validator,
)

from latentgen.config.errors import NotAmongError
from latentgen.names import NAME_PATTERN, OWN_PATTERN


def once_each(values: list[Any]) -> list[Any]:
    """Refuse a list that holds a value twice."""
    # What must differ is how values are written in folders' names.
    names = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"found {', '.join(twice)} more than once; expected once each")
    return values


Several = (Field(min_length=1), AfterValidator(once_each))
"""Marks a list that holds at least one value, and none of them twice."""


def _no_boolean(value: Any) -> Any:
    """Refuse true and false where a number is wanted: pydantic would take them for 1 and 0."""
    if isinstance(value, bool):
        found = str(value).lower()
        raise ValueError(
            f"found {found}; expected a number (yes, on, no and off are true and false in YAML)"
        )
    return value


NUMBER = BeforeValidator(_no_boolean)
"""Marks numbers, behind their bounds."""

Number = Annotated[float, NUMBER]
Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$", max_length=100)]
Fraction = Annotated[float, Field(ge=0, le=1), NUMBER]
Positive = Annotated[int, Field(ge=1), NUMBER]
NotNegative = Annotated[int, Field(ge=0), NUMBER]
Seed = NotNegative


class Block(BaseModel):
    """A block of config.yaml: unknown keys are mistakes, and numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise NotAmongError(str(key), cls.model_fields, what="key ")
        return data

    def files(self, _: str = "") -> list[str]:
        """Paths of external files and folders that a job reads, in the folder `data_root`."""
        return []


Own = Annotated[str, Field(pattern=f"^{OWN_PATTERN}$")]
"""`module.object`, from a file next to config.yaml or an installed package."""


def _number_or_list(value: Any) -> str:
    return "list" if isinstance(value, list | tuple) else "number"


NUMBER_OR_LIST = Discriminator(_number_or_list)
"""Chooses between what is tagged `number` and `list`, so that one line describes what is wrong."""


def tag_of(block: Any, key: str) -> Any:
    """Which of several kinds of a block is meant: what stands under a key, or something own."""
    found = block.get(key) if isinstance(block, Mapping) else getattr(block, key, None)
    return "module.object" if isinstance(found, str) and "." in found else found
