"""What a crawl is told: where the videos are, where the strips go, how hard to work.

One pydantic model serves the command line, the flows and the form in Prefect's UI: wrong
values are refused in words before anything runs. It holds addresses, never secrets.

Cost: data only.
"""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from flows.place import place_of
from flows.settings import Settings
from pipeline.curation import CurationConfig
from pipeline.strips import StripConfig
from storage.place import Place


class RunOptions(BaseModel):
    """Parameters of `crawl-and-stabilize`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path = Field(description="Folder with videos; sub-folders are searched too.")
    out: str = Field(description="Output folder, or s3:// address: shards, datasets.")
    local: bool = Field(False, description="Keep the catalog in the folder, whatever is set.")
    size: int = Field(128, description="Width and height of a strip's frames, in pixels.")
    workers: int = Field(1, ge=1, le=256, description="Processes that decode and stabilize.")
    batch_videos: int = Field(256, ge=1, le=10_000, description="Videos that share one shard.")
    places_weights: Path | None = Field(None, description="Places365 weights; none: a proxy.")
    window_limit_s: float = Field(60, gt=0, description="Seconds for one window of 32 frames.")
    video_limit_s: float = Field(14_400, gt=0, description="Seconds for one video.")
    memory_limit_mb: int = Field(1500, ge=64, description="Megabytes for one video.")
    retry_failed: bool = Field(False, description="Try videos again that failed before.")

    @field_validator("folder")
    @classmethod
    def _absolute(cls, path: Path) -> Path:
        return path.expanduser().absolute()

    @field_validator("out", mode="before")
    @classmethod
    def _address(cls, out: str | Path) -> str:
        return Place.at(out).address

    @model_validator(mode="after")
    def _strip_size(self) -> Self:
        StripConfig(size=self.size)  # raises ValueError, which names the field and the value
        return self

    @classmethod
    def of(
        cls, settings: Settings, folder: Path, out: str | Path, **changes: object
    ) -> "RunOptions":
        """Combine the settings with what a command was told."""
        shared = set(cls.model_fields) & set(Settings.model_fields)
        known = {name: getattr(settings, name) for name in shared}
        return cls.model_validate({**known, "folder": folder, "out": out, **changes})

    @property
    def place(self) -> Place:
        """The parts of the output; the catalog's password is read where it is used."""
        return Place.at(self.out) if self.local else place_of(self.out)

    def curation(self) -> CurationConfig:
        """What decides on pixels; everything else in here may change between runs."""
        return CurationConfig(strips=StripConfig(size=self.size))
