"""People and posts as ActivityStreams 2.0 writes them (https://www.w3.org/TR/activitystreams-core/)."""

from urllib.parse import urlsplit

from ripstop.domain.accounts.model import PRIVATE, PUBLIC, UNLISTED, Account
from ripstop.domain.media.model import LARGE, Attachment, blob_name
from ripstop.domain.posts.model import Post
from ripstop.domain.text import tag_url
from ripstop.machinery.graph import Entry
from ripstop.surfaces.mastodon.present.instants import instant

CONTEXT = ["https://www.w3.org/ns/activitystreams", {"sensitive": "as:sensitive", "Hashtag": "as:Hashtag"}]
EVERYBODY = "https://www.w3.org/ns/activitystreams#Public"

Json = dict[str, object]


class Addresses:
    """Where people and posts of this server are.

    :param origin: the public URL of the server.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.domain = urlsplit(origin).netloc

    def person(self, acct: str) -> str:
        return f"{self.origin}/@{acct}"

    def post(self, acct: str, id_: int) -> str:
        return f"{self.origin}/@{acct}/{id_}"

    def handle(self, acct: str) -> str:
        """`alice@this.server`, as lists of people are written for other servers."""
        return acct if "@" in acct else f"{acct}@{self.domain}"


def media_file(key: str) -> str:
    """Where a picture is in the archive."""
    return f"media/{blob_name(key, LARGE)}"


def actor(account: Account, at: Addresses) -> Json:
    """The profile."""
    found: Json = {
        "@context": CONTEXT,
        "id": at.person(account.acct),
        "type": "Service" if account.bot else "Person",
        "preferredUsername": account.username,
        "name": account.display_name,
        "summary": account.note,
        "url": at.person(account.acct),
        "published": instant(account.created_at),
        "manuallyApprovesFollowers": account.locked,
        "discoverable": bool(account.discoverable),
        "attachment": [{"type": "PropertyValue", "name": field.name, "value": field.value} for field in account.fields],
        "outbox": "outbox.json",
        "likes": "likes.json",
        "bookmarks": "bookmarks.json",
    }
    for name, picture in (("icon", account.avatar), ("image", account.header)):
        if picture is not None and picture.key:
            found[name] = {"type": "Image", "mediaType": "image/webp", "url": media_file(picture.key)}
    return found


def activity(post: Entry[Post], author: str, at: Addresses, acct_of: dict[int, str]) -> Json:
    """The act of posting, or of passing on.

    :param author: the account's `acct`.
    :param acct_of: those of others who are named by id.
    """
    value = post.value
    url = at.post(author, post.id)
    act: Json = {
        "id": f"{url}/activity",
        "actor": at.person(author),
        "published": instant(value.created_at),
        **_audience(value, author, at),
    }
    if value.repost_of is not None:
        return {**act, "type": "Announce", "object": at.post(acct_of.get(value.repost_of, "-"), value.repost_of)}
    return {**act, "type": "Create", "object": _note(post, url, author, at, acct_of)}


def _note(post: Entry[Post], url: str, author: str, at: Addresses, acct_of: dict[int, str]) -> Json:
    value = post.value
    note: Json = {
        "id": url,
        "type": "Note",
        "attributedTo": at.person(author),
        "published": instant(value.created_at),
        "url": url,
        "summary": value.spoiler_text or None,
        "sensitive": value.sensitive,
        "content": value.content,
        "source": {"content": value.text, "mediaType": "text/plain"},
        "inReplyTo": None,
        "attachment": list(map(_document, value.media)),
        "tag": [
            *({"type": "Mention", "href": at.person(one.acct), "name": f"@{one.acct}"} for one in value.mentions),
            *({"type": "Hashtag", "href": tag_url(at.origin, tag), "name": f"#{tag}"} for tag in value.tags),
        ],
        **_audience(value, author, at),
    }
    if value.language:
        note["contentMap"] = {value.language: value.content}
    if value.edited_at is not None:
        note["updated"] = instant(value.edited_at)
    if value.in_reply_to is not None:
        note["inReplyTo"] = at.post(acct_of.get(value.in_reply_to, "-"), value.in_reply_to)
    if value.quote is not None and not value.quote.revoked:
        note["quote"] = at.post(value.quote.acct, value.quote.post)
    return note


def _document(attachment: Attachment) -> Json:
    return {
        "type": "Document",
        "mediaType": "image/webp",
        "url": media_file(attachment.key),
        "name": attachment.description or None,
        "blurhash": attachment.blurhash,
        "width": attachment.large.width,
        "height": attachment.large.height,
    }


def _audience(post: Post, author: str, at: Addresses) -> Json:
    """Whom it is for."""
    followers = f"{at.person(author)}/followers"
    named = [at.person(one.acct) for one in post.mentions]
    match post.visibility:
        case visibility if visibility == PUBLIC:
            return {"to": [EVERYBODY], "cc": [followers, *named]}
        case visibility if visibility == UNLISTED:
            return {"to": [followers], "cc": [EVERYBODY, *named]}
        case visibility if visibility == PRIVATE:
            return {"to": [followers], "cc": named}
    return {"to": named, "cc": []}
