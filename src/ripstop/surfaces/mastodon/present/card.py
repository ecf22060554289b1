"""The PreviewCard entity."""

from urllib.parse import urlsplit

from ripstop.domain.media.model import LARGE, media_path
from ripstop.domain.posts.model import Card


def card_fields(card: Card, origin: str) -> dict[str, object]:
    """What a post links to. Nothing of other sites is embedded, so there is no HTML."""
    picture = card.picture
    site = urlsplit(card.url)
    return {
        "url": card.url,
        "title": card.title,
        "description": card.description,
        "language": card.language,
        "type": "link",
        "author_name": card.author,
        "author_url": "",
        "authors": [{"name": card.author, "url": "", "account": None}] if card.author else [],
        "provider_name": card.site,
        "provider_url": f"{site.scheme}://{site.netloc}",
        "html": "",
        "width": 0 if picture is None else picture.large.width,
        "height": 0 if picture is None else picture.large.height,
        "image": None if picture is None else origin + media_path(picture.key, LARGE),
        "image_description": "" if picture is None else picture.description,
        "embed_url": "",
        "blurhash": None if picture is None else picture.blurhash,
        "published_at": None,
    }
