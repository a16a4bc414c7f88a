"""What a crawl is told: where the videos are, where the strips go, how hard to work.

One pydantic model serves the command line, the flows and the form in Prefect's page: wrong
values are refused in words before anything runs. It holds addresses, never secrets. What is left
empty, the machine that does the work decides by its own settings, so that one run may use machines
of different size.

Cost: data only.
"""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tinyvideo.flows.search_options import SearchOptions
from tinyvideo.flows.settings import A_YEAR_S, MOST_MB, Settings, SettingsError, read_settings
from tinyvideo.flows.which_output import output_at
from tinyvideo.pipeline.curation import CurationConfig
from tinyvideo.pipeline.strips import StripConfig
from tinyvideo.pipeline.thresholds import curation_of
from tinyvideo.storage.films import check_bucket
from tinyvideo.storage.objects import has_scheme
from tinyvideo.storage.outputs import OutputAddress

WHOLE_PATH = "give the whole path, from / on: workers run in folders of their own"


class RunOptions(BaseModel):
    """Parameters of `crawl-and-stabilize` and `make-shard`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = Field(
        None,
        description="Folder with videos, as the workers see it; sub-folders are searched too. "
        "Empty: TINYVIDEO_FOLDER of the worker.",
    )
    pattern: str = Field(
        "",
        description="Names of the files to take from the folder, as *.mov or GX*. "
        "Empty: all that are films by the suffix or by the first bytes.",
    )
    search: SearchOptions | None = Field(None, description="Search Flickr for videos.")
    yfcc100m: Path | None = Field(None, description="Metadata of YFCC100M: text, bz2 or SQLite.")
    urls: Path | None = Field(None, description="List of addresses: one, or JSON, per line.")
    bucket: str = Field("", description="s3://BUCKET/PREFIX with videos.")
    sources: tuple[str, ...] = Field(
        (),
        description="Further sources, each NAME=ADDRESS; a wrong name is told with all there are.",
    )
    waiting_only: bool = Field(
        False, description="Look for no new videos: work on those that the catalog holds."
    )
    any_license: bool = Field(
        False, description="Take videos of every license, also where it forbids derivatives."
    )
    allow_private: bool = Field(
        False, description="Fetch films also from servers in private networks."
    )
    out: str = Field(
        "",
        description="Output folder, or s3://BUCKET/PREFIX: shards, datasets. "
        "Empty: TINYVIDEO_STORAGE of the worker.",
    )
    local: bool = Field(False, description="Keep the catalog in the folder, whatever is set.")
    size: int | None = Field(
        None,
        description="Width and height of a strip's frames, in pixels. Empty: that of config, 128.",
    )
    config: dict[str, Any] = Field(
        {},
        description='Thresholds, as "tinyvideo config --json" prints them; what is left out stays '
        'as it is: {"stabilize": {"min_visible": 0.6}}.',
    )
    workers: int | None = Field(
        None, ge=1, le=256, description="Processes that decode and stabilize. Empty: one per core."
    )
    engine: Literal["process", "dask", "ray"] = Field(
        "process", description="What curates the videos of a batch: processes, or a cluster."
    )
    engine_address: str = Field(
        "", description="Address of the Dask or Ray cluster. Empty: one on the worker's machine."
    )
    batch_videos: int = Field(256, ge=1, le=10_000, description="Videos that share one shard.")
    at_once: int | None = Field(
        None,
        ge=1,
        le=200,
        description="Shards under way at the same time, on all machines. Empty: one per worker.",
    )
    places_weights: Path | None = Field(
        None, description="Places365 weights. Empty: TINYVIDEO_PLACES_WEIGHTS, or else a proxy."
    )
    window_limit_s: float = Field(
        60, gt=0, le=A_YEAR_S, description="Seconds for one window of 32 frames."
    )
    video_limit_s: float = Field(14_400, gt=0, le=A_YEAR_S, description="Seconds for one video.")
    memory_limit_mb: int = Field(1500, ge=64, le=MOST_MB, description="Megabytes for one video.")
    retry_failed: bool = Field(False, description="Try videos again that failed before.")

    @field_validator("folder", "yfcc100m", "urls")
    @classmethod
    def _whole_path(cls, path: Path | None) -> Path | None:
        if path is None:
            return None
        path = path.expanduser()
        if not path.is_absolute():
            raise ValueError(WHOLE_PATH)
        return path

    @field_validator("out", mode="before")
    @classmethod
    def _address(cls, out: str | Path) -> str:
        text = str(out)
        if not text or has_scheme(text):
            return text and OutputAddress.at(text).address
        path = Path(text).expanduser()
        if not path.is_absolute():
            raise ValueError(WHOLE_PATH)
        return OutputAddress.at(path).address

    @field_validator("bucket")
    @classmethod
    def _bucket(cls, bucket: str) -> str:
        if bucket:
            check_bucket(bucket)
        return bucket

    @field_validator("size")
    @classmethod
    def _strip_size(cls, size: int | None) -> int | None:
        # Raises ValueError, which names the field and the value.
        return None if size is None else StripConfig(size=size).size

    @field_validator("config")
    @classmethod
    def _thresholds(cls, config: dict[str, Any]) -> dict[str, Any]:
        curation_of(config)  # raises ValueError, which names the threshold
        return config

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if self.waiting_only and (self.folder or self.elsewhere):
            raise ValueError("waiting_only looks for no new videos: name no source beside it")
        return self

    @classmethod
    def of(
        cls, settings: Settings, folder: Path | None, out: str | Path, **changes: object
    ) -> "RunOptions":
        """Combine the settings with what a command was told."""
        shared = set(cls.model_fields) & set(Settings.model_fields)
        known = {name: getattr(settings, name) for name in shared}
        given = {"folder": folder and folder.expanduser().absolute(), "out": out}
        return cls.model_validate({**known, **given, **changes})

    def with_addresses(self) -> "RunOptions":
        """Take what is empty and must be the same on all machines from this machine's settings.

        Raises:
            SettingsError: nobody says where the videos are, or where the strips go.
        """
        settings = read_settings()
        told = self.elsewhere or self.waiting_only
        folder = self.folder or (None if told else settings.folder)
        if folder is None and not told:
            raise SettingsError(
                "say where the videos are: the parameter options.folder, TINYVIDEO_FOLDER of the "
                "worker, or 'tinyvideo up --folder DIR'"
            )
        out = self.out or ("" if self.local else output_at("").address)
        return self.model_validate({**self.model_dump(), "folder": folder, "out": out})

    def with_machine(self) -> "RunOptions":
        """Take what is empty and may differ between machines from this machine's settings."""
        settings = read_settings()
        changes = {
            "workers": self.workers or settings.workers,
            "places_weights": self.places_weights or settings.places_weights,
        }
        return self.model_copy(update=changes)

    @property
    def place(self) -> OutputAddress:
        """The parts of the output; the catalog's password is read where it is used."""
        return OutputAddress.at(self.out) if self.local else output_at(self.out)

    @property
    def elsewhere(self) -> bool:
        """Tell whether videos come from anywhere but a folder."""
        return bool(self.search or self.yfcc100m or self.urls or self.bucket or self.sources)

    @property
    def label(self) -> str:
        """Name the source of the videos for people: "folder beaches"."""
        named = {"folder": self.folder, "YFCC100M": self.yfcc100m, "list": self.urls}
        words = [f"{name} {path.name}" for name, path in named.items() if path]
        searched = [self.search.label] if self.search else []
        waiting = ["what waits"] if self.waiting_only else []
        words += self.sources
        return ", ".join([*words, *searched, *([self.bucket] if self.bucket else []), *waiting])

    def curation(self) -> CurationConfig:
        """What decides on pixels; everything else in here may change between runs."""
        return curation_of(self.config, size=self.size)


AS_SET = RunOptions.model_validate({})
"""Everything as the worker's settings have it."""
