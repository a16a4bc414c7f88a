"""Settings: the only reader of the environment.

Every setting has a default that works on a bare machine. The environment, or a file `.env` in
the current folder, overrides it; a command line option overrides both.

Cost: data only.
"""

import hashlib
import json
import os
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.curation import CurationConfig
from pipeline.errors import ExpectedError


class Settings(BaseSettings):
    """What the environment may say; `TINYVIDEO_WORKERS=4` sets `workers`."""

    model_config = SettingsConfigDict(env_prefix="TINYVIDEO_", env_file=".env", extra="ignore")

    places_weights: Path | None = None
    """Places365 weights (ResNet-18 or ResNet-50); without them scenes are ImageNet proxies."""

    storage: str = ""
    """Folder or s3://bucket/prefix for the output of commands which are given no --out."""

    catalog: str = Field(default="", repr=False)
    """Path or postgresql:// URL of the catalog; without one it is a file in the work folder."""

    work: Path = Path("~/.tinyvideo")
    """Folder whose BUCKET/PREFIX is the work folder of an output on S3."""

    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=256)
    """Processes that decode and stabilize."""

    batch_videos: int = Field(default=256, ge=1, le=10_000)
    """Videos that share one shard."""

    window_limit_s: float = Field(default=60, gt=0)
    """Seconds that one window of 32 frames may take before its video counts as hanging."""

    video_limit_s: float = Field(default=4 * 3600, gt=0)
    """Seconds that one video may take in all."""

    memory_limit_mb: int = Field(default=1500, ge=64)
    """Megabytes that decoding and stabilizing may take beside the libraries (Linux only)."""

    rank: int = Field(default=0, ge=0, validation_alias="RANK")
    """Which of torchrun's processes this is; torchrun sets it."""

    prefect_api_url: str | None = Field(default=None, validation_alias="PREFECT_API_URL")
    """A Prefect server to report to; without one a private server is started and ended."""


class SettingsError(ExpectedError):
    """The environment, or `.env`, holds a value that cannot be used, or lacks one."""


def read_settings() -> Settings:
    """Read the environment and `.env`.

    Raises:
        SettingsError: a value cannot be used; the text names its variable.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper()
        variable = name if name.startswith(("FLICKR_", "PREFECT_")) else f"TINYVIDEO_{name}"
        raise SettingsError(f"{variable}: {first['msg']}, got {first['input']!r}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"the file .env in this folder is not UTF-8 text: {error}") from error


def code_version() -> str:
    """Name the installed version of tinyvideo."""
    return version("tinyvideo")


def config_hash(config: CurationConfig) -> str:
    """Name a configuration by the first 16 hexadecimal digits of the hash of all its values."""
    values = json.dumps(asdict(config), sort_keys=True, default=str)
    return hashlib.sha256(values.encode()).hexdigest()[:16]
