"""Settings: the only reader of the environment.

Every setting has a default that works on a bare machine. The environment overrides it, or a file
that TINYVIDEO_ENV_FILE names; a command line option overrides both. A `.env` that merely lies in
the current folder is not read: settings name programs and servers, and a folder may be anybody's.

Cost: data only.
"""

import difflib
import functools
import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings.exceptions import SettingsError as UnparsableSetting

from tinyvideo.flows.here import fitting_workers
from tinyvideo.flows.terminal import say, sentence_of
from tinyvideo.pipeline.errors import ExpectedError
from tinyvideo.pipeline.masks import SECRET, masked_address

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

    from tinyvideo.pipeline.curation import CurationConfig


PREFIX = "TINYVIDEO_"
"""What our variables begin with; nothing else may."""

A_YEAR_S = 366 * 86_400
"""Longest time that can be set, in seconds: clocks and timers take no endless one."""

MOST_MB = 10**9
"""Most megabytes that can be set. Ours: no machine and no film has so many."""

ENV_FILE = f"{PREFIX}ENV_FILE"

WHERE_LISTED = "unset it, and 'tinyvideo settings' lists those that there are"


class Settings(BaseSettings):
    """What the environment may say; `TINYVIDEO_WORKERS=4` sets `workers`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    env_file: Path | None = None
    """File with further settings, one NAME=VALUE per line, such as `.env`: what the environment
    does not say. Only the environment can name it."""

    places_weights: Path | None = None
    """Places365 weights (ResNet-18 or ResNet-50); without them scenes are ImageNet proxies."""

    folder: Path | None = None
    """Folder with videos, for deployed runs which are not told another."""

    storage: str = ""
    """Folder or s3://bucket/prefix for the output of commands which are given no --out."""

    catalog: str = Field(default="", repr=False)
    """Path or postgresql:// URL of the catalog; without one it is a file in the work folder."""

    work: Path = Path("~/.tinyvideo")
    """Folder whose BUCKET/PREFIX is the work folder of an output on S3."""

    backup: bool = True
    """Copy the catalog of an output on S3 there after each run, if it is a file. It names folders
    of this machine: where others read the bucket, `false` keeps it here."""

    follow_links: bool = False
    """Follow symbolic links in an output that lead out of its folder; else they are refused, since
    an output that comes from somebody else may hold any."""

    workers: int = Field(default_factory=lambda: min(fitting_workers(), 256), ge=1, le=256)
    """Processes that decode and stabilize. Default: one per core, and no more than fit into the
    memory, of the machine or of its container."""

    batch_videos: int = Field(default=256, ge=1, le=10_000)
    """Videos that share one shard."""

    window_limit_s: float = Field(default=60, gt=0, le=A_YEAR_S)
    """Seconds that one window of 32 frames may take before its video counts as hanging."""

    video_limit_s: float = Field(default=4 * 3600, gt=0, le=A_YEAR_S)
    """Seconds that one video may take in all."""

    memory_limit_mb: int = Field(default=1500, ge=64, le=MOST_MB)
    """Megabytes that decoding and stabilizing may take beside the libraries (Linux only)."""

    flickr_key: str = Field(default="", repr=False)
    flickr_secret: str = Field(default="", repr=False)
    """Key and secret of Flickr's API; they are read where they are used, and stored nowhere."""

    api_rate: float = Field(default=1.0, gt=0, le=1000)
    page_rate: float = Field(default=2.0, gt=0, le=1000)
    media_rate: float = Field(default=2.0, gt=0, le=1000)
    """Requests per second, of all workers together, to Flickr's API, pages and media. The first is
    theirs: 3,600 an hour for a key; the others are ours, as they say nothing."""

    pause_s: float = Field(default=5.0, gt=0, le=A_YEAR_S)
    """Seconds that a host is left alone after its first refusal, if it does not say for how long;
    further refusals double it."""

    downloads: int = Field(default=4, ge=1, le=64)
    """Films that are fetched at the same time, while others are stabilized."""

    fetch_timeout_s: float = Field(default=30.0, gt=0, le=A_YEAR_S)
    """Seconds without an answer, or without a byte, after which a request is given up."""

    film_limit_s: float = Field(default=1800.0, gt=0, le=A_YEAR_S)
    """Seconds that fetching one film may take in all."""

    film_limit_mb: int = Field(default=2000, ge=1, le=MOST_MB)
    """Megabytes of the largest film that is fetched."""

    retry_wait_s: float = Field(default=60.0, gt=0, le=A_YEAR_S)
    """Seconds until a video that could not be fetched is tried again; doubled with each attempt."""

    check_rights: bool = True
    """Ask Flickr for the license again just before a film is fetched: one more call of the API."""

    keep_raw: bool = False
    """Keep the fetched films, in `raw` of the work folder."""

    proxy: str = Field(default="", repr=False)
    """Proxy for Flickr; without one, HTTPS_PROXY of the environment."""

    ytdlp: dict[str, Any] = Field(default_factory=dict, repr=False)
    """More options for yt-dlp, by the names of its Python interface, in JSON:
    {"cookiefile": "/home/me/cookies.txt", "ratelimit": 500000}."""

    allow_private: bool = False
    """Fetch films also from servers in private networks, a NAS for instance; else an address that
    leads to one is refused, since whoever writes a list could reach what only this machine can."""

    ssl_cert_file: str = Field(default="", validation_alias="SSL_CERT_FILE")
    """Certificates to trust instead of the usual ones, as behind a company's proxy."""

    rank: int = Field(default=0, ge=0, validation_alias="RANK")
    """Which of torchrun's processes this is; torchrun sets it."""

    prefect_api_url: str | None = Field(default=None, validation_alias="PREFECT_API_URL")
    """A Prefect server to report to; without one a private server is started and ended."""

    prefect_password: str = Field(
        default="", repr=False, validation_alias="PREFECT_API_AUTH_STRING"
    )
    """USER:PASSWORD of that server, if it asks for one. That of a server which `tinyvideo up` has
    started on this machine is found without."""

    server_password: str = Field(
        default="", repr=False, validation_alias="PREFECT_SERVER_API_AUTH_STRING"
    )
    """USER:PASSWORD that the servers which we start ask for. Default: a random one, in a file that
    only its owner can read; `tinyvideo up` and `run` say where."""

    server_names: str = ""
    """Further names that a Prefect server of ours goes by, with commas between: `prefect,
    tv.example.org`. Without, it answers to numbers, `localhost` and the name of its machine; else
    a page could lead its own name here. Pages of these names may use it, too."""

    silence_s: float = Field(default=300.0, ge=10, le=A_YEAR_S)
    """Seconds without a sign of life, of which there is one in 30 s, after which a run on a pool is
    lost and done again. Ours: a healthy run would have to miss ten, and 30 would end every one of
    them. `tinyvideo up` takes it up."""

    notify_url: str = Field(default="", repr=False)
    """Where failures are told, by a POST of {"text": ...}, as Slack's incoming webhooks take it."""


class SettingsError(ExpectedError):
    """The environment, or the file it names, holds a value that cannot be used, or lacks one."""


def read_settings() -> Settings:
    """Read the environment, and the file that TINYVIDEO_ENV_FILE names.

    Raises:
        SettingsError: a value cannot be used, or a variable is none of ours though it bears our
            prefix; the text names the variable.
    """
    try:
        found = Settings(_env_file=_env_file())  # type: ignore[call-arg]  # pydantic's own
        refuse_unknown()
        _refuse_user(found.prefect_api_url)
    except ValidationError as error:
        # The place of an error is the field, or the variable where that has a name of its own.
        raise SettingsError(sentence_of(_shown(error.errors()[0]), variable_of)) from None
    except UnparsableSetting as error:
        name = re.findall(r'"(\w+)"', str(error))[0]
        raise SettingsError(f"{variable_of(name)} is not JSON: {error.__cause__}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"the file {_env_file()} is not UTF-8 text: {error}") from error
    return found


def _env_file() -> Path | None:
    named = os.environ.get(ENV_FILE)
    if not named:
        _tell_of_unread()
        return None
    file = Path(named).expanduser().absolute()
    if not file.is_file():
        raise SettingsError(f"{ENV_FILE} names {file}, which is no file")
    os.environ[ENV_FILE] = str(file)  # for processes of ours that are started in other folders
    return file


@functools.cache
def _tell_of_unread() -> None:
    try:
        lines = Path(".env").read_text(errors="replace").splitlines()
    except OSError:
        return
    if any(re.match(rf"\s*(?:export\s+)?{PREFIX}\w+\s*=\s*\S", line, re.I) for line in lines):
        say(
            "the file .env in this folder has settings and is not read, as it may be anybody's; "
            "TINYVIDEO_ENV_FILE=.env reads it"
        )


def _shown(entry: "ErrorDetails") -> "ErrorDetails":
    # The value is said, but not that of a secret.
    value = entry["input"]
    if not isinstance(value, str):
        return entry
    secret = any(SECRET.search(str(part)) for part in entry["loc"])
    return {**entry, "input": "***" if secret else masked_address(value)}


def _refuse_user(url: str | None) -> None:
    if url is not None and "@" in url:
        raise SettingsError(
            "PREFECT_API_URL holds a user or a password; it is http://HOST:PORT/api, and "
            "PREFECT_API_AUTH_STRING is USER:PASSWORD"
        )


def refuse_unknown() -> None:
    """Refuse a mistyped variable, which would else be a setting that silently does nothing.

    Raises:
        SettingsError: with the name that was probably meant.
    """
    for variable, where in _ours():
        name = variable[len(PREFIX) :].lower()
        if variable.upper() not in map(variable_of, Settings.model_fields):
            meant = difflib.get_close_matches(name, Settings.model_fields, n=1)
            way_out = f"did you mean {variable_of(meant[0])}?" if meant else WHERE_LISTED
            raise SettingsError(f"{variable}, in {where}, is no setting; {way_out}")


def _ours() -> Iterator[tuple[str, str]]:
    for where, names in (("the environment", os.environ), _named_file()):
        yield from ((name, where) for name in names if name.upper().startswith(PREFIX))


def _named_file() -> tuple[str, Mapping[str, str | None]]:
    named = os.environ.get(ENV_FILE)
    return (f"the file {named}", dotenv_values(named)) if named else ("", {})


def variable_of(name: str) -> str:
    """Name the environment variable of a setting; a name that is one already stays as it is."""
    field = Settings.model_fields.get(name)
    if field is None:
        return name.upper()
    return field.validation_alias if isinstance(field.validation_alias, str) else _prefixed(name)


def _prefixed(name: str) -> str:
    return f"{PREFIX}{name.upper()}"


def origin_of(variable: str) -> str:
    """Say who has set a variable: `environment`, `file`, or nobody: `default`."""
    if variable in {name.upper() for name in os.environ}:
        return "environment"
    return "file" if variable in {name.upper() for name in _named_file()[1]} else "default"


def code_version() -> str:
    """Name the installed version of tinyvideo."""
    return version("tinyvideo")


def config_hash(config: "CurationConfig") -> str:
    """Name a configuration by the first 16 hexadecimal digits of the hash of all its values."""
    values = json.dumps(asdict(config), sort_keys=True, default=str)
    return hashlib.sha256(values.encode()).hexdigest()[:16]
