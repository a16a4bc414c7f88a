"""Where an output lies: the address of its shards, a local folder to work in, and its catalog.

    out                   shards, datasets       work                      catalog
    /data/out             the folder             the folder itself         work/catalog.db
    s3://bucket/prefix    below that prefix      HOME/bucket/prefix        work/catalog.db

HOME is a setting, as is a catalog elsewhere. In the work folder lie the parts of videos that are in
no shard yet, temporary files, the lock, and pages and training of this machine: what is in a
committed shard is not needed there. It must not be lost while the catalog has curated
videos; they would be curated again.

Cost: data only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tinyvideo.storage.catalog import Catalog
from tinyvideo.storage.database import alone, is_url, name_of
from tinyvideo.storage.objects import FolderStore, Store, is_remote, open_store, parse_address
from tinyvideo.storage.outputs.owner_mark import claim, refuse_lost
from tinyvideo.storage.storage_errors import StorageError


@dataclass(frozen=True, slots=True)
class Output:
    catalog: Catalog
    store: Store
    """Shards and datasets."""

    work: FolderStore
    """Local: parts and temporary files. That of a folder output is the output itself."""


CATALOG_NAME = "catalog.db"
"""File name of the catalog in a work folder."""

ADDRESS = "storage"
"""Fact of a catalog: the address whose shards it knows."""

UNFINISHED = "unfinished"
"""Fact of a catalog that is being made of shards: `rebuild` or `adopt`; empty when that is done."""


@dataclass(frozen=True, slots=True)
class OutputAddress:
    """The addresses of an output; nothing is opened."""

    address: str
    """An absolute folder, or s3://bucket/prefix."""

    work: Path
    catalog: str
    """A path, or postgresql://..., which may hold a password: for messages there is `names`."""

    links: bool = False
    """Follow symbolic links that lead out of the folders: their operator has made them."""

    @classmethod
    def at(
        cls,
        out: "OutputAddress | str | Path",
        home: Path | None = None,
        catalog: str = "",
        *,
        links: bool = False,
    ) -> "OutputAddress":
        """Name the output at `out`; `home` is for those which are not in a folder.

        Raises:
            StorageError: `out` or `catalog` cannot be an address.
        """
        if isinstance(out, OutputAddress):
            return out
        place = parse_address(out)
        if isinstance(place, Path):
            work = place
        else:
            home = home or Path.home() / ".tinyvideo"
            work = home.expanduser().absolute() / place.name / place.prefix
        if catalog:
            path = name_of(catalog)  # refuses what is no address
            catalog = catalog if is_url(catalog) else str(Path(path).expanduser().absolute())
        catalog = catalog or str(work / CATALOG_NAME)
        return cls(open_store(out).address, work, catalog, links)

    @property
    def names(self) -> dict[str, str]:
        """Name its parts for messages, without passwords."""
        return {"shards": f"{self.address}/shards", "catalog": name_of(self.catalog)}

    def probe(self) -> None:
        """See that shards can be stored, and that the work folder can be written.

        Raises:
            StorageError: one of them cannot be used.
        """
        self.open_store().probe()
        if is_remote(self.address):
            self.open_work().probe()

    def has_catalog(self) -> bool:
        """Tell whether there is a catalog already; a server is believed to have one."""
        return is_url(self.catalog) or Path(self.catalog).exists()

    def open_store(self) -> Store:
        """Open the store of shards and datasets."""
        return open_store(self.address, links=self.links)

    def open_work(self) -> FolderStore:
        """Open the work folder."""
        return FolderStore(self.work, links=self.links)

    def open_catalog(self, *, make: bool = False) -> Catalog:
        """Open the catalog, made if it is missing and that is wished for.

        Raises:
            StorageError: there is none, it cannot be used, or it knows the shards of another place.
        """
        if not make and not self.has_catalog():
            raise StorageError(
                f"there is no catalog in {self._where}; make one with 'tinyvideo run'"
            )
        catalog = Catalog.open(self.catalog, make=make)
        try:
            self._check_address(catalog)
            self._check_finished(catalog)
        except StorageError:
            catalog.close()
            raise
        return catalog

    @contextmanager
    def open(self, *, make: bool = False) -> Iterator[Output]:
        """Open all parts for a block.

        Raises:
            StorageError: as `open_catalog`.
        """
        catalog = self.open_catalog(make=make)
        try:
            yield Output(catalog, self.open_store(), self.open_work())
        finally:
            catalog.close()

    @contextmanager
    def alone(self, *, make: bool = False) -> Iterator[Output]:
        """Open all parts, and hold the work folder and the catalog as the only run.

        Raises:
            StrangerError: the output belongs to another catalog.
            StorageError: another run holds one of them, or as `open_catalog`.
        """
        with (
            self.open_work().locked(),
            self._open_own(make=make) as output,
            output.catalog.alone(),
        ):
            yield output

    @contextmanager
    def shared(self, *, make: bool = False) -> Iterator[Output]:
        """Open all parts, beside other runs that do the same, but not beside one that is alone.

        Raises:
            BusyError: somebody is alone with the output: a takedown, for instance.
            StrangerError: the output belongs to another catalog.
            StorageError: as `open_catalog`.
        """
        with (
            self.open_work().locked(shared=True),
            self._open_own(make=make) as output,
            alone(output.catalog.engine, shared=True),
        ):
            yield output

    @contextmanager
    def whosever(self, *, make: bool = False) -> Iterator[Output]:
        """Open all parts as `alone`, for whoever rebuilds the catalog, or adopts the output.

        Raises:
            StorageError: as `alone`, but nobody is refused as a stranger.
        """
        with self.open_work().locked():
            if not make and not self.has_catalog():
                raise StorageError(f"there is no catalog in {self._where}")
            catalog = Catalog.open(self.catalog, make=make)
            try:
                self._check_address(catalog)
                with catalog.alone():
                    yield Output(catalog, self.open_store(), self.open_work())
            finally:
                catalog.close()

    @contextmanager
    def _open_own(self, *, make: bool) -> Iterator[Output]:
        if make and not self.has_catalog():
            refuse_lost(self.open_store(), self._where)
        with self.open(make=make) as output:
            claim(output.catalog, output.store)
            yield output

    @property
    def _where(self) -> str:
        path = Path(self.catalog)
        return str(path.parent if path.name == CATALOG_NAME else path)

    def _check_finished(self, catalog: Catalog) -> None:
        if what := catalog.known_fact(UNFINISHED):
            raise StorageError(
                f"the catalog {name_of(self.catalog)} is not whole, as 'tinyvideo catalog {what}' "
                f"was stopped; 'tinyvideo catalog {what} --out {self.address}' goes on with it"
            )

    def _check_address(self, catalog: Catalog) -> None:
        # A folder may be moved with the catalog in it, so that its address says nothing.
        if Path(self.catalog).parent == self.work and not is_remote(self.address):
            return
        known = catalog.fact(ADDRESS, self.address)
        if known != self.address:
            raise StorageError(
                f"the catalog {name_of(self.catalog)} knows the shards of {known}, not those of "
                f"{self.address}; choose another --out, or another TINYVIDEO_CATALOG"
            )
