"""`ripstop posts`: showing posts, and taking them down."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

import typer

from ripstop.domain.accounts.model import ACCOUNT
from ripstop.domain.moderation import posts
from ripstop.domain.moderation.authority import OPERATOR
from ripstop.domain.moderation.posts import Act, access_any_post
from ripstop.kernel.ids import MAX_ID
from ripstop.surfaces.cli.program import Program, fail
from ripstop.surfaces.cli.words import instant

Post = Annotated[str, typer.Argument(help="The id of a post, or its address.", show_default=False)]
Why = Annotated[str, typer.Option("--reason", help="Why; it is kept in the audit log.")]
Told = Annotated[str, typer.Option("--reason", help="Why; its author is told, and it is kept in the audit log.")]


def register(app: typer.Typer, program: Program) -> None:
    """Add the commands of posts."""
    group = typer.Typer(help="Show posts, and take them down.", no_args_is_help=True)
    app.add_typer(group, name="posts")

    @group.command()
    def show(post: Post) -> None:
        """Say what there is to know of a post, whoever it is for."""
        asyncio.run(_show(program, _id(post)))

    @group.command("take-down")
    def take_down(post: Post, *, reason: Told = "") -> None:
        """Show a post to nobody but its author, at once."""
        asyncio.run(_act(program, _id(post), posts.take_down, reason))
        typer.echo(f"{_id(post)} is taken down.")

    @group.command()
    def restore(post: Post, *, reason: Why = "") -> None:
        """Show a post again that was taken down."""
        asyncio.run(_act(program, _id(post), posts.restore, reason))
        typer.echo(f"{_id(post)} is shown again.")

    @group.command("mark-sensitive")
    def mark_sensitive(post: Post, *, reason: Why = "") -> None:
        """Say that a post is sensitive, whatever its author says."""
        asyncio.run(_act(program, _id(post), posts.mark_sensitive, reason))
        typer.echo(f"{_id(post)} is sensitive.")

    @group.command("unmark-sensitive")
    def unmark_sensitive(post: Post, *, reason: Why = "") -> None:
        """Leave it to its author whether a post is sensitive."""
        asyncio.run(_act(program, _id(post), posts.unmark_sensitive, reason))
        typer.echo(f"{_id(post)} is as its author says.")


def _id(post: str) -> int:
    """The id in what was given: a number, or the address of a page whose path ends in one."""
    number = urlsplit(post.strip()).path.rstrip("/").rpartition("/")[2]
    if not (number.isascii() and number.isdigit() and len(number) <= 19 and int(number) <= MAX_ID):
        fail("Name a post by its id, or by its address, such as https://social.example.org/@alice/1234.")
    return int(number)


async def _act(program: Program, id_: int, act: Act, reason: str) -> None:
    async with program.graph(program.configuration()) as graph:
        await act(graph, OPERATOR, id_, reason=reason)


async def _show(program: Program, id_: int) -> None:
    async with program.graph(program.configuration()) as graph:
        post = (await access_any_post(graph, id_)).value
        author = await graph.get(ACCOUNT, post.author)
    lines = {
        "id": str(id_),
        "author": "gone" if author is None else author.value.acct,
        "since": instant(post.created_at),
        "for": post.visibility,
        "sensitive": "yes" if post.sensitive else "no",
        "pictures": str(len(post.media)),
        "taken down": "no" if post.taken_down_at is None else f"since {instant(post.taken_down_at)}",
        "reason": post.takedown_reason,
        "warning": post.spoiler_text,
        "text": post.text,
    }
    for what, said in lines.items():
        typer.echo(f"{what:13} {said}".rstrip())
