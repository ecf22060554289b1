"""Looks whether every picture that is kept has its blobs."""

from collections.abc import AsyncIterator

from ripstop.domain.media.model import IMAGE, LARGE, SMALL, blob_name
from ripstop.engines.base import Engine, Fault, Table
from ripstop.engines.blobs import BlobStore

_PAGE = 1_000


async def missing_blobs(engine: Engine, blobs: BlobStore) -> AsyncIterator[Fault]:
    """A fault for each blob that a picture names and that is not there; pictures may come and go meanwhile."""
    after: tuple[object, ...] | None = None
    while True:
        page = await engine.scan(Table.OBJECTS, shard=None, after=after, limit=_PAGE)
        for id_, type_, _, data in page.rows:
            if type_ != IMAGE.number:
                continue
            for name in _blobs_of(str(data)):
                if not await blobs.has(name) and await _is_kept(engine, int(str(id_))):
                    yield Fault("The file of a picture is missing.", (id_, name))
        after = page.after
        if after is None:
            return


def _blobs_of(data: str) -> list[str]:
    image = IMAGE.decode(data)
    return [] if image.ending else [blob_name(image.key, size) for size in (LARGE, SMALL)]


async def _is_kept(engine: Engine, id_: int) -> bool:
    """Whether the picture is there now, and not about to go."""
    found = await engine.object_get([id_])
    return id_ in found and bool(_blobs_of(found[id_].data))
