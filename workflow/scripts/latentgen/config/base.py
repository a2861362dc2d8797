"""What all blocks of config.yaml share: strictness, and the few kinds of values."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from latentgen.config.errors import NotAmongError
from latentgen.names import NAME_PATTERN, OWN_PATTERN


def once_each(values: list[Any]) -> list[Any]:
    """Refuse a list that holds a value twice."""
    # What must differ is how values are written in folders' names.
    names = [f"{value:g}" if isinstance(value, float) else str(value) for value in values]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"found {', '.join(twice)} more than once; allowed: once each")
    return values


Several = (Field(min_length=1), AfterValidator(once_each))
"""Marks a list that holds at least one value, and none of them twice."""

Name = Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")]
Fraction = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Seed = Annotated[int, Field(ge=0)]


class Block(BaseModel):
    """A block of config.yaml: keys it does not know are mistakes, not extras."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, data: Any) -> Any:
        if isinstance(data, Mapping):
            for key in data:
                if key not in cls.model_fields:
                    raise NotAmongError(str(key), cls.model_fields, what="key ")
        return data

    def files(self, _: str = "") -> list[str]:
        """Paths of files and folders from outside that a job reads, in the folder `data_root`."""
        return []


Own = Annotated[str, Field(pattern=f"^{OWN_PATTERN}$")]
"""`module.object`, from a file beside config.yaml or an installed package."""


def tag_of(block: Any, key: str) -> Any:
    """Which of several kinds of a block is meant: what stands under a key, or something own."""
    found = block.get(key) if isinstance(block, Mapping) else getattr(block, key, None)
    return "module.object" if isinstance(found, str) and "." in found else found
