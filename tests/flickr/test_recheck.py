"""Videos in the shards are asked about again: gone, relicensed, renamed, or as before."""

from contextlib import closing
from pathlib import Path

import pytest

from tests.flickr.clients import record_of
from tests.flickr.conftest import Command, Imitate
from tinyvideo.flows.imitation.population import Fate, Population, PopulationConfig
from tinyvideo.pipeline.hosts.licenses import SHIPPED, allowed_numbers
from tinyvideo.pipeline.types import VideoState
from tinyvideo.storage.catalog.video_catalog import Catalog
from tinyvideo.storage.database import VIDEOS, transaction

FATES = (Fate.WELL, Fate.DELETED, Fate.PRIVATE, Fate.RELICENSED)


@pytest.fixture(scope="module")
def population() -> Population:
    return Population(PopulationConfig(videos=4_000, seed=5))


def test_what_has_become_of_the_videos_in_the_shards(
    imitate: Imitate, tinyvideo: Command, tmp_path: Path, population: Population
) -> None:
    imitation = imitate(population)
    allowed = allowed_numbers(SHIPPED)
    chosen = {
        fate: next(
            v
            for v in population.videos
            if v.fate is fate and v.public and v.is_video and str(v.license) in allowed
        )
        for fate in FATES
    }
    ids = {fate: f"flickr-{video.photo_id}" for fate, video in chosen.items()}
    (tmp_path / "out").mkdir()
    with closing(Catalog.open(str(tmp_path / "out" / "catalog.db"), make=True)) as catalog:
        catalog.add(map(record_of, chosen.values()))
        with transaction(catalog.engine, writes=True) as db:
            db.execute(VIDEOS.update().values(state=VideoState.SHARDED.value, title="of old"))

    found = tinyvideo("recheck", "--older-than", "0h", "--to", "gone.txt")

    assert found["asked"] == {"changed": 1, "gone": 2, "relicensed": 1}
    unwanted = {ids[fate] for fate in (Fate.DELETED, Fate.PRIVATE, Fate.RELICENSED)}
    assert set(found["to_take_down"]) == unwanted
    lines = (tmp_path / "gone.txt").read_text().splitlines()
    assert {line.split("\t")[0] for line in lines} == unwanted
    with closing(Catalog.open(str(tmp_path / "out" / "catalog.db"))) as catalog:
        now = {row.record.video_id: row.record for row in catalog.videos()}
    well = now[ids[Fate.WELL]]
    assert (well.title, well.license_id) == (
        chosen[Fate.WELL].title,
        str(chosen[Fate.WELL].license),
    )
    assert now[ids[Fate.RELICENSED]].license_id == "0"  # all rights reserved
    assert now[ids[Fate.DELETED]].title == "of old"  # nobody says anything else

    # What was asked about just now is not due.
    assert tinyvideo("recheck", "--to", "gone.txt")["asked"] == {}
    assert len(imitation.requests("flickr.photos.getInfo")) == len(FATES)
    # And what is as it was is told so.
    again = tinyvideo("recheck", "--older-than", "0h", "--to", "gone.txt")
    assert again["asked"] == {"as before": 1, "gone": 2, "relicensed": 1}
