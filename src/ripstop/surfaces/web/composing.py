"""Writing: new posts, answers, quotes, and edits. What was typed is never lost: what is wrong is said in the form."""

import secrets
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from ripstop.domain.accounts.model import DIRECT, Account
from ripstop.domain.media.actions import Images, access_attachment, describe
from ripstop.domain.media.model import ATTACHMENT, IMAGE, MOST_BYTES, SMALL, media_path
from ripstop.domain.posts.actions import delete, publish
from ripstop.domain.posts.attachments import MOST_ATTACHMENTS, Details, access_attachments
from ripstop.domain.posts.draft import MAX_CHARACTERS, Draft, compose
from ripstop.domain.posts.edits import Change, edit
from ripstop.domain.posts.model import Post
from ripstop.domain.viewing import Seen, access_original, access_post
from ripstop.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooManyRequests, Unavailable
from ripstop.machinery.graph import Entry, Graph
from ripstop.surfaces.http.params import Id
from ripstop.surfaces.http.request import Request
from ripstop.surfaces.http.routing import Quota, Route
from ripstop.surfaces.mastodon.pictures import BODY_SECONDS, File, picture_bytes
from ripstop.surfaces.web.account import QUOTERS, REPLIERS, VISIBILITIES
from ripstop.surfaces.web.cards import show
from ripstop.surfaces.web.forms import sentences_of
from ripstop.surfaces.web.shell import Answer, Reader, Shell, Shown, lead, sentences

COMPOSE_BODY = MOST_ATTACHMENTS * MOST_BYTES[ATTACHMENT] + (256 << 10)
"""Bytes of a form with as many pictures as a post may have, and the rest of it."""
AUDIENCES = {**VISIBILITIES, DIRECT: "only those whom it names"}
ATTACH = "attach"
"""The button that takes pictures and shows the form again, so that they can be described."""
LOST = "What you answer or quote is not there any more. What you wrote can still be posted by itself."


class StartParams(msgspec.Struct, kw_only=True):
    """With what the form begins: what is answered or quoted, whom or which hashtag it names, what was shared, and for
    whom it is."""

    reply_to: Id | None = None
    quote: Id | None = None
    mention: str = ""
    tag: str = ""
    text: str = ""
    visibility: str = ""


class ComposeParams(msgspec.Struct, kw_only=True):
    """The form. `media` are pictures that it holds already, `alts` what they show, in the same order, `drop` those that
    it shall not hold any more; `pictures` are new files. It takes the place of the post that it `replaces`, if it names
    one. With the same `key`, a post is published once."""

    id: int = 0
    text: str = ""
    warning: str = ""
    visibility: str = ""
    replies: str = ""
    quotes: str = ""
    language: str = ""
    sensitive: bool = False
    reply_to: Id | None = None
    quote: Id | None = None
    replaces: Id | None = None
    media: list[Id] = []
    alts: list[str] = []
    drop: list[Id] = []
    pictures: list[File] = []
    act: str = ""
    key: str = ""
    proof: str = ""


class Held(NamedTuple):
    """A picture that the form holds: its id, its path, and what its author says that it shows."""

    id: int
    path: str
    description: str


class Composing:
    """Handlers of the form.

    :param origin: the public URL, without a slash at the end.
    :param domain: what stands after the @ of those who live here.
    """

    def __init__(self, graph: Graph, shell: Shell, images: Images, *, origin: str, domain: str) -> None:
        self._graph = graph
        self._shell = shell
        self._images = images
        self._origin = origin
        self._domain = domain

    def routes(self) -> list[Route]:
        def form(path: str, handler: Any) -> Route:
            return Route(
                "POST",
                path,
                self._shell.act(handler),
                params=ComposeParams,
                max_body=COMPOSE_BODY,
                body_seconds=BODY_SECONDS,
            )

        return [
            Route("GET", "/compose", self._shell.own(self.start), params=StartParams),
            form("/compose", self.publish),
            Route("GET", "/posts/{id}/redraft", self._shell.own(self.start_redraft)),
            Route("GET", "/posts/{id}/edit", self._shell.own(self.start_edit)),
            form("/posts/{id}/edit", self.edit),
        ]

    async def start(self, request: Request, params: StartParams, reader: Reader) -> Answer:
        """An empty form, with the reader's own defaults."""
        author = reader.account.value
        reply_to = None if params.reply_to is None else await access_original(self._graph, reader.id, params.reply_to)
        begun = ComposeParams(
            text=_beginning(params, reply_to, reader.id),
            warning="" if reply_to is None else reply_to.value.spoiler_text,
            visibility=params.visibility if params.visibility in AUDIENCES else _visibility(author, reply_to),
            replies=author.posting_reply_policy,
            quotes=author.posting_quote_policy,
            language=author.posting_language or "",
            sensitive=author.posting_sensitive,
            reply_to=params.reply_to,
            quote=params.quote,
            key=secrets.token_urlsafe(16),
        )
        return await self._form(reader, begun)

    async def publish(self, request: Request, params: ComposeParams, reader: Reader) -> Answer:
        """Publish, or take pictures and show the form again. A commit for each picture, one for the post, and one for
        what it replaces."""
        before = None if params.replaces is None else await self._replaced(reader, params.replaces)
        try:
            params = await self._gathered(
                request, reader, params, {one.id for one in before.value.media} if before else set()
            )
            if params.act == ATTACH:
                return await self._form(reader, params)
            parent = None if params.reply_to is None else await access_original(self._graph, reader.id, params.reply_to)
            quoted = None if params.quote is None else await access_original(self._graph, reader.id, params.quote)
            if before is not None:
                await self._delete_for(reader, before, params)
            published = await publish(
                self._graph,
                reader.account,
                _draft(params, reader.account.value),
                parent=parent,
                quoted=quoted,
                application=None,
                key=params.key or None,
                origin=self._origin,
                domain=self._domain,
            )
        except NotFound as error:
            reply_to, quote = await self._if_seen(reader, params.reply_to), await self._if_seen(reader, params.quote)
            params = msgspec.structs.replace(params, reply_to=reply_to, quote=quote)
            return await self._form(reader, params, [LOST], status=error.status)
        except (Invalid, Forbidden, Conflict, TooManyRequests, Unavailable) as error:
            return await self._form(reader, params, sentences_of(error), status=error.status)
        id_ = published if isinstance(published, int) else published.id
        return lead(f"{request.origin}/@{reader.account.value.acct}/{id_}")

    async def start_redraft(self, request: Request, params: None, reader: Reader) -> Answer:
        """The form with all that a post of one's own is, to be published in its place."""
        post = await self._own(reader, int(request.args["id"]))
        value = post.value
        begun = ComposeParams(
            text=value.text,
            warning=value.spoiler_text,
            visibility=value.visibility,
            replies=value.reply_policy,
            quotes=value.quote_policy,
            language=value.language or "",
            sensitive=value.sensitive,
            reply_to=await self._if_seen(reader, value.in_reply_to),
            quote=None if value.quote is None else await self._if_seen(reader, value.quote.post),
            replaces=post.id,
            media=[one.id for one in value.media],
            alts=[one.description for one in value.media],
            key=secrets.token_urlsafe(16),
        )
        return await self._form(reader, begun)

    async def start_edit(self, request: Request, params: None, reader: Reader) -> Answer:
        """The form with what a post of one's own says."""
        post = await self._own(reader, int(request.args["id"]))
        value = post.value
        begun = ComposeParams(
            id=post.id,
            text=value.text,
            warning=value.spoiler_text,
            language=value.language or "",
            sensitive=value.sensitive,
            media=[one.id for one in value.media],
            alts=[one.description for one in value.media],
        )
        return await self._form(reader, begun)

    async def edit(self, request: Request, params: ComposeParams, reader: Reader) -> Answer:
        """Let a post say something else. A commit for each new picture, and one for the post."""
        post = await self._own(reader, params.id)
        before = {one.id for one in post.value.media}
        try:
            params = await self._gathered(request, reader, params, before)
            if params.act == ATTACH:
                return await self._form(reader, params)
            change = Change(
                params.text,
                params.warning,
                params.sensitive,
                params.language.strip() or None,
                media=params.media,
                details=[
                    Details(id_, alt, None) for id_, alt in zip(params.media, params.alts, strict=True) if id_ in before
                ],
            )
            await edit(self._graph, reader.id, post, change, origin=self._origin, domain=self._domain)
        except (Invalid, Conflict, TooManyRequests, Unavailable) as error:
            return await self._form(reader, params, sentences_of(error), status=error.status)
        return lead(f"{request.origin}/@{reader.account.value.acct}/{post.id}")

    async def _replaced(self, reader: Reader, id_: int) -> Entry[Post] | None:
        """The post that a new one is to replace; None once it does, since then the form was sent twice."""
        try:
            return await self._own(reader, id_)
        except NotFound:
            return None

    async def _delete_for(self, reader: Reader, before: Entry[Post], params: ComposeParams) -> None:
        """Delete a post, so that its pictures can stand in the one of this form, which was found to be in order.

        :raises Invalid: the form is not.
        """
        draft = _draft(params, reader.account.value)
        may_be_blank = bool(params.media or params.quote)
        await compose(self._graph, draft, origin=self._origin, domain=self._domain, may_be_blank=may_be_blank)
        await access_attachments(self._graph, reader.id, params.media, post=before.id)
        await delete(self._graph, reader.id, before)
        await self._graph.sync()
        for id_, alt in zip(params.media, params.alts, strict=True):
            await self._describe(reader, id_, alt)

    async def _gathered(
        self,
        request: Request,
        reader: Reader,
        params: ComposeParams,
        published: frozenset[int] | set[int] = frozenset(),
    ) -> ComposeParams:
        """The form with its new files taken, what is dropped left out, and descriptions kept with their pictures.

        :param published: pictures that stand in the post already, of which the edit says what they show.
        """
        alts = [*params.alts, *[""] * len(params.media)]
        held = [(id_, alt) for id_, alt in zip(params.media, alts, strict=False) if id_ not in params.drop]
        for id_, alt in held:
            if id_ not in published:
                await self._describe(reader, id_, alt)
        files = [data for one in params.pictures if (data := picture_bytes(one, "picture")) is not None]
        if len(held) + len(files) > MOST_ATTACHMENTS:
            raise Invalid(f"Validation failed: A post has {MOST_ATTACHMENTS} pictures at most")
        for data in files:
            self._shell.count_dear(request, Quota.UPLOADS, reader)
            image = await self._images.take(reader.id, data, ATTACHMENT)
            held.append((image.id, ""))
        return msgspec.structs.replace(
            params, media=[id_ for id_, _ in held], alts=[alt for _, alt in held], drop=[], pictures=[]
        )

    async def _describe(self, reader: Reader, id_: int, alt: str) -> None:
        """Say what a picture shows that stands in no post yet; once it does, the form was sent twice."""
        try:
            image = await access_attachment(self._graph, reader.id, id_)
        except NotFound:
            raise Invalid("Validation failed: A picture is not there any more") from None
        if image.value.post is None and image.value.description != alt:
            await describe(self._graph, image, description=alt, focus=None)

    async def _form(
        self, reader: Reader, params: ComposeParams, problems: Sequence[str] = (), *, status: int = 200
    ) -> Shown:
        around = [await self._seen(reader, id_) for id_ in (params.reply_to, params.quote)]
        shown = [None if one is None else (await show(self._graph, [one], reader.id))[0] for one in around]
        context = {
            "form": params,
            "problems": sentences(problems),
            "answered": shown[0],
            "quoted": shown[1],
            "held": await self._held(params),
            "audiences": AUDIENCES,
            "repliers": REPLIERS,
            "quoters": QUOTERS,
            "most": MAX_CHARACTERS,
            "most_pictures": MOST_ATTACHMENTS,
            "here": "compose",
        }
        return Shown("compose.html", context, status)

    async def _held(self, params: ComposeParams) -> list[Held]:
        found = await self._graph.get_many(IMAGE, params.media) if params.media else {}
        alts = [*params.alts, *[""] * len(params.media)]
        return [
            Held(id_, media_path(found[id_].value.key, SMALL), alt)
            for id_, alt in zip(params.media, alts, strict=False)
            if id_ in found
        ]

    async def _seen(self, reader: Reader, id_: int | None) -> Seen | None:
        if id_ is None:
            return None
        return Seen(await access_original(self._graph, reader.id, id_), None)

    async def _if_seen(self, reader: Reader, id_: int | None) -> int | None:
        """The post, if there is one which the reader may see."""
        try:
            return None if id_ is None else (await access_original(self._graph, reader.id, id_)).id
        except NotFound:
            return None

    async def _own(self, reader: Reader, id_: int) -> Entry[Post]:
        post = (await access_post(self._graph, reader.id, id_)).post
        if post.value.author != reader.id or post.value.repost_of is not None:
            raise NotFound("Record not found")
        return post


def _beginning(params: StartParams, reply_to: Entry[Post] | None, writer: int) -> str:
    """The text with which a form begins: an answer names whom the post names that it answers."""
    if reply_to is not None:
        named = [mention.acct for mention in reply_to.value.mentions if mention.id != writer]
        return "".join(f"@{acct} " for acct in named)
    if params.mention:
        return f"@{params.mention} "
    if params.tag:
        return f"\n\n#{params.tag}"
    return params.text


def _visibility(author: Account, reply_to: Entry[Post] | None) -> str:
    """An answer is for no more people than what it answers."""
    order = list(AUDIENCES)
    given = [author.posting_visibility, *([] if reply_to is None else [reply_to.value.visibility])]
    return max(given, key=order.index)


def _draft(params: ComposeParams, author: Account) -> Draft:
    return Draft(
        text=params.text,
        visibility=params.visibility or author.posting_visibility,
        spoiler_text=params.warning,
        sensitive=params.sensitive,
        language=params.language.strip() or None,
        media=tuple(params.media),
        quote_policy=params.quotes or author.posting_quote_policy,
        reply_policy=None if params.reply_to is not None else params.replies or author.posting_reply_policy,
    )
