"""Who may be shown what: the rules, written down a second time, from the documentation and not from the program.

docs/build/feeds.md and docs/build/domain.md say them; `ripstop.domain.viewing` is what is held to this.
"""

from __future__ import annotations

from dataclasses import dataclass

PUBLIC, UNLISTED, PRIVATE, DIRECT = VISIBILITIES = ("public", "unlisted", "private", "direct")


@dataclass(frozen=True)
class Viewer:
    """How somebody stands to alice. Everybody follows dave and bob."""

    name: str
    follows: bool = False
    followed: bool = False
    blocks: bool = False
    blocked: bool = False
    mutes: bool = False
    silences: bool = False
    has_account: bool = True

    @property
    def is_alice(self) -> bool:
        return self.name == "alice"

    @property
    def is_parted(self) -> bool:
        """One of the two blocks the other."""
        return self.blocks or self.blocked


VIEWERS = (
    Viewer("anonymous", has_account=False),
    Viewer("application", has_account=False),
    Viewer("alice"),
    Viewer("stranger"),
    Viewer("follower", follows=True),
    Viewer("followed", followed=True),
    Viewer("named"),
    Viewer("renamed"),
    Viewer("blocked", blocked=True),
    Viewer("blocker", blocks=True),
    Viewer("muter", follows=True, mutes=True),
    Viewer("silencer", follows=True, mutes=True, silences=True),
    Viewer("asker"),
    Viewer("removed"),
)
"""All were followers, and named in all older posts. `named` still is; `renamed` was taken out by an edit and put back
in. `asker` waits to be let follow, `removed` was made to follow no more."""


@dataclass(frozen=True)
class Item:
    """A post, which has its marker in its text and nowhere else.

    :ivar named: the viewers whom it names.
    :ivar deleted: it is gone, or its author is suspended.
    :ivar later: it was written after people were parted from alice.
    :ivar parent: the id of the post that it answers, and `answers`: who wrote that.
    :ivar quotes: the id of the post that it quotes.
    :ivar reposted: bob, whom everybody follows, passed it on.
    """

    marker: str
    id: str
    visibility: str
    author: str = "alice"
    named: frozenset[str] = frozenset()
    parent: str = ""
    answers: str = ""
    quotes: str = ""
    reposted: bool = False
    pinned: bool = False
    deleted: bool = False
    later: bool = False

    @property
    def kind(self) -> str:
        """What it is, for messages."""
        return f"{self.visibility} {self.marker.split('x', 1)[0]}"


def may_see(viewer: Viewer, item: Item) -> bool:
    """Whether somebody who has the address of a post is shown it."""
    if item.deleted:
        return False
    if item.author != "alice":
        return True
    if viewer.is_alice:
        return True
    if viewer.blocked:
        return False
    if item.visibility in (PUBLIC, UNLISTED) or viewer.name in item.named:
        return True
    return item.visibility == PRIVATE and viewer.follows


def wants(viewer: Viewer, item: Item) -> bool:
    """Whether it is shown to somebody who did not ask for it."""
    return may_see(viewer, item) and (item.author != "alice" or not (viewer.blocks or viewer.mutes))


def in_home(viewer: Viewer, item: Item) -> bool:
    """In the home of people with accounts: of whom they follow, with answers to those; and what they pass on."""
    if not viewer.has_account or not wants(viewer, item):
        return False
    if item.reposted:
        return True
    if item.author == "alice":  # who answers dave and bob only, whom all follow
        return viewer.is_alice or (viewer.follows and item.visibility != DIRECT)
    return item.answers != "alice" or viewer.is_alice or viewer.follows


def in_list(viewer: Viewer, item: Item) -> bool:
    """In one's list of alice, bob and dave, from which those have vanished whom one follows no more."""
    return in_home(viewer, item) and item.visibility != DIRECT


def in_public(viewer: Viewer, item: Item) -> bool:
    """In lists for everybody: public posts that answer nobody else."""
    return item.visibility == PUBLIC and item.answers in ("", item.author) and wants(viewer, item)


def with_tag(viewer: Viewer, item: Item) -> bool:
    """In the list of the hashtag that all of alice's posts have."""
    return item.author == "alice" and item.visibility == PUBLIC and wants(viewer, item)


def on_profile(viewer: Viewer, item: Item) -> bool:
    """On alice's profile, to which the viewer went: who mutes her sees it, who blocks her does not."""
    return item.author == "alice" and may_see(viewer, item) and not viewer.blocks


def on_page(viewer: Viewer, item: Item) -> bool:
    """On the page of alice's profile: what stands in public lists, and what she has pinned."""
    return item.author == "alice" and (in_public(viewer, item) or (item.pinned and on_profile(viewer, item)))


def on_replies(viewer: Viewer, item: Item) -> bool:
    """The same with her answers to others."""
    return item.author == "alice" and item.visibility == PUBLIC and may_see(viewer, item)


def passed_on(viewer: Viewer, item: Item) -> bool:
    """On bob's profile."""
    return item.reposted and wants(viewer, item)


def in_quotes(viewer: Viewer, item: Item, around: Item) -> bool:
    """In the list of those posts for everybody that quote another, for whoever may see that."""
    is_listed = item.quotes == around.id and item.visibility in (PUBLIC, UNLISTED)
    return is_listed and may_see(viewer, around) and wants(viewer, item)


def in_thread(viewer: Viewer, item: Item, around: Item) -> bool:
    """Around another post, for whoever may see that."""
    is_next = item.parent == around.id or item.id == around.parent
    return is_next and may_see(viewer, around) and wants(viewer, item)


def found(viewer: Viewer, item: Item) -> bool:
    """By its words: public posts of alice, who agreed to that, by people with accounts."""
    return viewer.has_account and with_tag(viewer, item)


def hears(viewer: Viewer) -> bool:
    """Whether somebody is told what alice does to them."""
    return not viewer.is_alice and viewer.has_account and not viewer.is_parted and not viewer.silences


def mentioned(viewer: Viewer, item: Item) -> bool:
    """Whether somebody is told of being named in a post."""
    return hears(viewer) and viewer.name in item.named and may_see(viewer, item) and item.author == "alice"


def held_back(viewer: Viewer, item: Item) -> bool:
    """Whether what one is told waits to be asked for: direct posts of people whom one did not follow at the time."""
    return mentioned(viewer, item) and item.visibility == DIRECT and item.later and not viewer.follows


def in_conversations(viewer: Viewer, item: Item) -> bool:
    """Direct posts by and for the viewer."""
    is_meant = viewer.name == item.author or viewer.name in item.named
    return item.visibility == DIRECT and is_meant and wants(viewer, item)


def meets(viewer: Viewer) -> bool:
    """Whether alice stands in lists of people that others make up: of who likes, repeats and follows."""
    return viewer.is_alice or not (viewer.is_parted or viewer.mutes)
