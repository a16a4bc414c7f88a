"""The card of a dataset, README.md, as the Hub of Hugging Face reads it: also from a disk or S3.

    load_dataset(OUT)                           every strip of an output
    load_dataset(TO, "beaches", split="train")  a dataset that `export --format hub` wrote

The YAML at its top says which files hold which split, so that nothing else is taken for data:
figures of training, lists of rows, parts of videos. Below it, for people: how many strips, under
which licenses, whose they are, and what the columns say. A README.md that is not ours is left
alone.

Cost: the text, and one query of the catalog for an output.

Source: https://huggingface.co/docs/hub/datasets-manual-configuration
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.database import VIDEOS, transaction
from tinyvideo.storage.objects import Store
from tinyvideo.storage.outputs import Output
from tinyvideo.storage.shards import SCHEMA, described

CARD = "README.md"
_OURS = "<!-- written by tinyvideo after each run; without this line it is yours and stays -->"
_CREDITED = 500
"""Owners that are named; the rows name all of them."""

_SIZES = ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M"))
_SIZES_ABOVE = ((10**7, "1M<n<10M"), (10**8, "10M<n<100M"), (10**9, "100M<n<1B"))
_KNOWN_LICENSES = {
    "creativecommons.org/licenses/by/4.0": "cc-by-4.0",
    "creativecommons.org/licenses/by/3.0": "cc-by-3.0",
    "creativecommons.org/licenses/by/2.0": "cc-by-2.0",
    "creativecommons.org/licenses/by-sa/4.0": "cc-by-sa-4.0",
    "creativecommons.org/licenses/by-sa/3.0": "cc-by-sa-3.0",
    "creativecommons.org/publicdomain/zero/1.0": "cc0-1.0",
}
"""Names that the Hub has for the addresses of licenses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """One name under which rows are loaded."""

    name: str
    files: Mapping[str, str]
    """Pattern of the files of each split."""

    strips: Mapping[str, int] = field(default_factory=dict)
    """Of each split."""


@dataclass(slots=True)
class Rights:
    """Whose the rows are, and under which licenses; counted in videos or strips."""

    licenses: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By name and address."""

    owners: Counter[str] = field(default_factory=Counter)


def write_card(store: Store, title: str, configs: Sequence[Config], rights: Rights) -> bool:
    """Write the card; False if there is one that is not ours.

    Raises:
        StorageError: it cannot be read or written.
    """
    if _has_anothers(store):
        return False
    store.replace(CARD, describe(title, configs, rights).encode(errors="replace"))
    return True


def write_output_card(output: Output) -> bool:
    """Write the card of an output, all committed shards, or delete that of an empty one.

    False if there is a card that is not ours, or nothing to say.

    Raises:
        StorageError: the catalog or the store cannot be used.
    """
    strips = sum(shard.strips for shard in output.catalog.shards(committed=True))
    if not strips:
        _drop_ours(output.store)
        return False
    everything = Config(
        name="default", files={"train": "shards/*.parquet"}, strips={"train": strips}
    )
    return write_card(output.store, "Stabilized strips", [everything], _rights_of(output))


def _has_anothers(store: Store) -> bool:
    return store.exists(CARD) and _OURS.encode() not in store.read(CARD)


def _drop_ours(store: Store) -> None:
    if not _has_anothers(store):
        store.delete(CARD)


def describe(title: str, configs: Sequence[Config], rights: Rights) -> str:
    """Write out a card."""
    strips = sum(sum(config.strips.values()) for config in configs)
    table = "\n".join(
        f"| {config.name} | {split} | {count:,} |"
        for config in configs
        for split, count in config.strips.items()
    )
    columns = "\n".join(
        f"| `{told['column']}` | {told['unit']} | {told['meaning']} |"
        for told in map(described, SCHEMA)
    )
    return f"""---
{_yaml(configs, rights, strips)}---
{_OURS}

# {title}

A row is a strip: 32 frames of a clip whose camera stands still, top to bottom in one JPEG (`jpeg`).

| config | split | strips |
|---|---|---|
{table}

## Licenses

{_bullets(Counter({name or "unknown": n for (name, _), n in rights.licenses.items()}))}

Every row names its video's license, owner and page; whoever uses a strip owes that credit.

## Credits

{_bullets(rights.owners)}

## Columns

| column | unit | meaning |
|---|---|---|
{columns}
"""


def _yaml(configs: Sequence[Config], rights: Rights, strips: int) -> str:
    # JSON is YAML: a text in quotes means the same in both.
    lines = [f"license: {_license(rights)}", "size_categories:", f"- {_size(strips)}"]
    lines += ["tags:", "- video", "- video-generation", "configs:"]
    for config in configs:
        lines += [f"- config_name: {json.dumps(config.name)}", "  data_files:"]
        for split, pattern in config.files.items():
            lines += [f"  - split: {split}", f"    path: {json.dumps(pattern)}"]
    return "\n".join([*lines, ""])


def _license(rights: Rights) -> str:
    addresses = {url.partition("://")[2].rstrip("/").lower() for _, url in rights.licenses}
    names = {_KNOWN_LICENSES.get(address.removeprefix("www."), "") for address in addresses}
    return names.pop() if len(names) == 1 and "" not in names else "other"


def _size(strips: int) -> str:
    sizes = (*_SIZES, *_SIZES_ABOVE)
    return next((name for limit, name in sizes if strips < limit), "n>1T")


def _bullets(counts: Counter[str]) -> str:
    named = counts.most_common(_CREDITED)
    lines = [f"- {_one_line(name)}: {count:,}" for name, count in named]
    rest = len(counts) - len(named)
    return "\n".join([*lines, *([f"- and {rest:,} others, named in the rows"] if rest else [])])


def _one_line(name: str) -> str:
    # What strangers wrote must not become a heading, a link or a tag.
    text = " ".join(name.split())[:200]
    return "".join(f"\\{c}" if c in "\\`*_[]<>#|!" else c for c in text)


def _rights_of(output: Output) -> Rights:
    sharded = VIDEOS.c.state == VideoState.SHARDED
    rights = Rights()
    owner = sa.func.coalesce(sa.func.nullif(VIDEOS.c.owner_name, ""), VIDEOS.c.owner)
    with transaction(output.catalog.engine, writes=False) as db:
        kinds = (VIDEOS.c.license, VIDEOS.c.license_url)
        query = sa.select(*kinds, sa.func.count()).where(sharded).group_by(*kinds)
        for name, url, count in db.execute(query):
            rights.licenses[name, url] = count
        query = sa.select(owner, sa.func.count()).where(sharded).group_by(owner)
        for name, count in db.execute(query):
            rights.owners[name or "unknown"] = count
    return rights
