"""Every way in which something can be seen, and what is expected of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.leaks.oracle import (
    Item,
    Viewer,
    found,
    in_conversations,
    in_home,
    in_list,
    in_public,
    in_quotes,
    in_thread,
    may_see,
    meets,
    on_page,
    on_profile,
    on_replies,
    passed_on,
    with_tag,
)
from tests.leaks.world import World


@dataclass(frozen=True)
class Row:
    """A list of posts.

    :ivar path: of a viewer's own; None where it has none.
    :ivar shows: whether an item is shown in it to somebody.
    :ivar is_own: only people with accounts have it.
    :ivar is_page: a page of the web, read by nobody in particular.
    """

    route: str
    path: Callable[[World, Viewer], str]
    shows: Callable[[Viewer, Item], bool]
    is_own: bool = False
    is_page: bool = False


@dataclass(frozen=True)
class ItemRow:
    """Something that is asked of one post.

    :ivar shows: whether an item is shown in it, when it is asked of another (`around`, which comes first).
    :ivar answers: whether somebody has an answer at all.
    :ivar shows_quoted: with posts it shows what they quote.
    """

    route: str
    shows: Callable[[Viewer, Item, Item], bool]
    answers: Callable[[Viewer, Item], bool] = may_see
    is_own: bool = False
    is_page: bool = False
    shows_quoted: bool = True

    def path(self, world: World, item: Item) -> str:
        names = {"{name}": world.people[item.author].username, "{id}": item.id}
        path = self.route
        for name, value in names.items():
            path = path.replace(name, value)
        return path


@dataclass(frozen=True)
class PeopleRow:
    """A list of people, and whether somebody is shown alice in it, or `who`."""

    route: str
    path: Callable[[World, Viewer], str]
    shows: Callable[[Viewer], bool]
    who: str = "alice"
    is_own: bool = False


ANYBODY = Viewer("a visitor of the pages", has_account=False)


def for_all(rule: Callable[[Viewer, Item], bool]) -> Callable[[Viewer, Item], bool]:
    """A page shows to everybody what it shows to somebody without an account."""
    return lambda viewer, item: rule(ANYBODY, item)


def alices(query: str = "") -> Callable[[World, Viewer], str]:
    return lambda world, viewer: f"/api/v1/accounts/{world.alice.id}/statuses?limit=40{query}".format(tag=world.tag)


def at(path: str) -> Callable[[World, Viewer], str]:
    """A path with the names of things of the world in braces."""

    def filled(world: World, viewer: Viewer) -> str:
        people = {name: person.id for name, person in world.people.items()}
        return path.format(
            **people,
            tag=world.tag,
            name=world.alice.username,
            beginning=world.alice.username[:-2],
            list=world.lists.get(viewer.name, ""),
            liked=world.liked,
            whispered=world.whispered,
            ids="&".join(f"id[]={item.id}" for item in world.items),
        )

    return filled


def itself(rule: Callable[[Viewer, Item], bool]) -> Callable[[Viewer, Item, Item], bool]:
    return lambda viewer, around, item: item.id == around.id and rule(viewer, item)


def nothing(viewer: Viewer, around: Item, item: Item) -> bool:
    return False


def is_hers(viewer: Viewer, item: Item) -> bool:
    """Whether the viewer wrote it."""
    return viewer.name == item.author and not item.deleted


ROWS = (
    Row("/api/v1/statuses", at("/api/v1/statuses?{ids}"), may_see),
    Row("/api/v1/timelines/home", at("/api/v1/timelines/home?limit=40"), in_home, is_own=True),
    Row("/api/v1/timelines/public", at("/api/v1/timelines/public?limit=40"), in_public),
    Row("/api/v1/timelines/public", at("/api/v1/timelines/public?limit=40&local=true"), in_public),
    Row("/api/v1/timelines/tag/{hashtag}", at("/api/v1/timelines/tag/{tag}?limit=40"), with_tag),
    Row("/api/v1/timelines/tag/{hashtag}", at("/api/v1/timelines/tag/none?any[]={tag}&limit=40"), with_tag),
    Row("/api/v1/timelines/list/{id}", at("/api/v1/timelines/list/{list}?limit=40"), in_list, is_own=True),
    Row("/api/v1/accounts/{id}/statuses", at("/api/v1/accounts/{alice}/statuses?limit=40"), on_profile),
    Row(
        "/api/v1/accounts/{id}/statuses",
        at("/api/v1/accounts/{alice}/statuses?limit=40&exclude_replies=true"),
        lambda viewer, item: on_profile(viewer, item) and not item.answers,
    ),
    Row("/api/v1/accounts/{id}/statuses", at("/api/v1/accounts/{alice}/statuses?exclude_reblogs=true"), on_profile),
    Row("/api/v1/accounts/{id}/statuses", at("/api/v1/accounts/{alice}/statuses?tagged={tag}&limit=40"), on_profile),
    Row(
        "/api/v1/accounts/{id}/statuses",
        at("/api/v1/accounts/{alice}/statuses?only_media=true"),
        lambda viewer, item: False,
    ),
    Row(
        "/api/v1/accounts/{id}/statuses",
        at("/api/v1/accounts/{alice}/statuses?pinned=true"),
        lambda viewer, item: item.pinned and on_profile(viewer, item),
    ),
    Row("/api/v1/accounts/{id}/statuses", at("/api/v1/accounts/{bob}/statuses?limit=40"), passed_on),
    Row("/api/v1/favourites", at("/api/v1/favourites?limit=40"), lambda v, i: may_see(v, i) and was_enjoyed(i), True),
    Row("/api/v1/bookmarks", at("/api/v1/bookmarks?limit=40"), lambda v, i: may_see(v, i) and was_enjoyed(i), True),
    Row("/api/v2/search", at("/api/v2/search?q={tag}&limit=40"), found),
    Row("/api/v2/search", at("/api/v2/search?q={tag}&type=statuses&account_id={alice}&limit=40"), found),
    Row("/api/v2/search", at("/api/v2/search?q=from:{name}&limit=40"), found),
    Row("/api/v1/conversations", at("/api/v1/conversations?limit=40"), in_conversations, is_own=True),
    Row("/", at("/"), for_all(in_public), is_page=True),
    Row("/@{name}", at("/@{name}"), for_all(on_page), is_page=True),
    Row("/@{name}/replies", at("/@{name}/replies?since_id=1"), for_all(on_replies), is_page=True),
    Row("/@{name}/media", at("/@{name}/media"), lambda viewer, item: False, is_page=True),
    Row("/public", at("/public"), for_all(in_public), is_page=True),
    Row("/tags/{name}", at("/tags/{tag}"), for_all(with_tag), is_page=True),
)


def was_enjoyed(item: Item) -> bool:
    """Whether everybody liked it and kept it at hand, before they were parted from alice."""
    return not item.later


ITEM_ROWS = (
    ItemRow("/api/v1/statuses/{id}", itself(may_see)),
    ItemRow("/api/v1/statuses/{id}/context", lambda viewer, around, item: in_thread(viewer, item, around)),
    ItemRow("/api/v1/statuses/{id}/history", itself(may_see), shows_quoted=False),
    ItemRow("/api/v1/statuses/{id}/source", itself(is_hers), is_hers, is_own=True, shows_quoted=False),
    ItemRow("/api/v1/statuses/{id}/quotes", lambda viewer, around, item: in_quotes(viewer, item, around), is_own=True),
    ItemRow("/api/v1/statuses/{id}/favourited_by", nothing),
    ItemRow("/api/v1/statuses/{id}/reblogged_by", nothing),
    ItemRow(
        "/@{name}/{id}",
        lambda viewer, around, item: itself(may_see)(ANYBODY, around, item) or in_thread(ANYBODY, item, around),
        for_all(may_see),
        is_page=True,
    ),
    ItemRow(
        "/@{name}/{id}/history",
        lambda viewer, around, item: itself(may_see)(ANYBODY, around, item),
        for_all(may_see),
        is_page=True,
        shows_quoted=False,
    ),
    ItemRow(
        "/@{name}/{id}/quotes",
        lambda viewer, around, item: in_quotes(ANYBODY, item, around),
        for_all(may_see),
        is_page=True,
    ),
    ItemRow("/@{name}/{id}/likes", nothing, for_all(may_see), is_page=True),
    ItemRow("/@{name}/{id}/reposts", nothing, for_all(may_see), is_page=True),
)

PEOPLE_ROWS = (
    PeopleRow("/api/v1/statuses/{id}/favourited_by", at("/api/v1/statuses/{liked}/favourited_by"), meets),
    PeopleRow("/api/v1/statuses/{id}/reblogged_by", at("/api/v1/statuses/{liked}/reblogged_by"), meets),
    PeopleRow(
        "/api/v1/statuses/{id}/reblogged_by",
        at("/api/v1/statuses/{whispered}/reblogged_by"),
        lambda viewer: viewer.is_alice or (viewer.follows and meets(viewer)),
    ),
    PeopleRow("/api/v1/accounts/{id}/followers", at("/api/v1/accounts/{dave}/followers?limit=80"), meets),
    PeopleRow("/api/v1/accounts/{id}/following", at("/api/v1/accounts/{dave}/following?limit=80"), meets),
    PeopleRow(
        "/api/v1/accounts/{id}/followers",
        at("/api/v1/accounts/{alice}/followers?limit=80"),
        lambda viewer: not viewer.blocked,
        who="dave",
    ),
    PeopleRow(
        "/api/v1/accounts/{id}/following",
        at("/api/v1/accounts/{alice}/following?limit=80"),
        lambda viewer: not viewer.blocked,
        who="dave",
    ),
    PeopleRow(
        "/api/v1/accounts/familiar_followers",
        at("/api/v1/accounts/familiar_followers?id[]={dave}"),
        lambda viewer: viewer.follows,
        is_own=True,
    ),
    PeopleRow(
        "/api/v1/accounts/search",
        at("/api/v1/accounts/search?q={beginning}"),
        lambda viewer: not viewer.is_parted,
        is_own=True,
    ),
    PeopleRow("/api/v2/search", at("/api/v2/search?type=accounts&q={beginning}"), lambda viewer: not viewer.is_parted),
    PeopleRow("/api/v2/search", at("/api/v2/search?type=accounts&q={name}"), lambda viewer: not viewer.blocked),
    PeopleRow("/api/v1/blocks", at("/api/v1/blocks"), lambda viewer: viewer.blocks, is_own=True),
    PeopleRow("/api/v1/mutes", at("/api/v1/mutes"), lambda viewer: viewer.mutes, is_own=True),
    PeopleRow(
        "/api/v1/lists/{id}/accounts",
        at("/api/v1/lists/{list}/accounts"),
        lambda viewer: viewer.is_alice or viewer.follows,
        is_own=True,
    ),
    PeopleRow(
        "/api/v1/follow_requests",
        at("/api/v1/follow_requests"),
        lambda viewer: viewer.is_alice,
        who="asker",
        is_own=True,
    ),
)

TOLD = frozenset(
    {
        "/api/v1/notifications",
        "/api/v1/notifications/policy",
        "/api/v1/notifications/requests",
        "/api/v1/notifications/requests/{id}",
        "/api/v1/notifications/unread_count",
        "/api/v1/notifications/{id}",
        "/api/v2/notifications",
        "/api/v2/notifications/policy",
        "/api/v2/notifications/unread_count",
        "/api/v2/notifications/{group_key}",
        "/api/v2/notifications/{group_key}/accounts",
    }
)
"""What `test_what_people_are_told` looks at."""

RELATED = frozenset({"/api/v1/accounts/relationships", "/api/v1/accounts/{id}", "/api/v1/accounts"})
"""What `test_how_people_stand_to_each_other` looks at."""

STREAMED = frozenset(
    {
        "/api/v1/streaming",
        *(
            f"/api/v1/streaming/{path}"
            for path in (
                "user",
                "user/notification",
                "public",
                "public/local",
                "public/remote",
                "hashtag",
                "hashtag/local",
                "list",
                "direct",
            )
        ),
        "/live/local",
    }
)
"""What `test_what_streams_bring` looks at."""

PAGES_OF_ONE = frozenset(
    {
        "/@{name}/followers",
        "/@{name}/following",
        "/bookmarks",
        "/compose",
        "/favourites",
        "/home",
        "/lists",
        "/lists/{id}",
        "/lists/{id}/edit",
        "/live/home",
        "/live/unread",
        "/messages",
        "/notifications",
        "/people/{id}/lists",
        "/posts/{id}/delete",
        "/posts/{id}/edit",
        "/posts/{id}/filter",
        "/posts/{id}/redraft",
        "/search",
        "/settings/blocks",
        "/settings/data",
        "/settings/filters",
        "/settings/filters/new",
        "/settings/filters/{id}",
        "/settings/mutes",
        "/settings/privacy",
        "/settings/profile",
        "/settings/security",
        "/settings/security/app",
        "/settings/servers",
        "/settings/requests",
        "/tags",
    }
)
"""Pages for whoever is logged in. They show what the functions behind the rows above have found: tests/web has them."""

COVERED = frozenset(row.route for row in (*ROWS, *ITEM_ROWS, *PEOPLE_ROWS)) | TOLD | RELATED | STREAMED | PAGES_OF_ONE

CARRIES_NOTHING = frozenset(
    {
        # The server, and what everybody may know of it.
        "/.well-known/change-password",
        "/.well-known/host-meta",
        "/.well-known/host-meta.json",
        "/.well-known/nodeinfo",
        "/.well-known/oauth-authorization-server",
        "/.well-known/webfinger",
        "/api/v1/announcements",
        "/api/v1/custom_emojis",
        "/api/v1/instance",
        "/api/v1/instance/peers",
        "/api/v1/instance/rules",
        "/api/v1/streaming/health",
        "/api/v2/instance",
        "/avatars/original/missing.png",
        "/favicon.ico",
        "/manifest.webmanifest",
        "/offline",
        "/robots.txt",
        "/sw.js",
        "/headers/original/missing.png",
        "/health",
        "/media/{name}",
        "/metrics",
        "/nodeinfo/{version}",
        "/static/{name}",
        # The viewer's own affairs.
        "/api/v1/accounts/verify_credentials",
        "/api/v1/accounts/{id}/lists",
        "/api/v1/apps/verify_credentials",
        "/api/v1/filters",
        "/api/v1/filters/{id}",
        "/api/v1/followed_tags",
        "/api/v1/lists",
        "/api/v1/lists/{id}",
        "/api/v1/markers",
        "/api/v1/notifications/requests/merged",
        "/api/v1/preferences",
        "/api/v2/filters",
        "/api/v2/filters/keywords/{id}",
        "/api/v2/filters/statuses/{id}",
        "/api/v2/filters/{id}",
        "/api/v2/filters/{id}/keywords",
        "/api/v2/filters/{id}/statuses",
        "/auth/edit",
        "/auth/passkey",
        "/auth/second_factor",
        "/auth/second_factor/passkey",
        "/auth/sign_in",
        "/auth/sign_up",
        "/login",
        "/oauth/authorize",
        "/oauth/authorize/native",
        "/oauth/userinfo",
        # For the staff alone, who may see what was reported: see tests/api/test_admin.py.
        "/api/v1/admin/accounts",
        "/api/v1/admin/accounts/{id}",
        "/api/v1/admin/reports",
        "/api/v1/admin/reports/{id}",
        "/api/v2/admin/accounts",
        "/admin",
        "/admin/accounts",
        "/admin/accounts/{id}",
        "/admin/audit",
        "/admin/functions",
        "/admin/functions/{name}",
        "/admin/health",
        "/api/ripstop/v1/admin/functions",
        "/api/ripstop/v1/admin/functions/{name}",
        "/api/ripstop/v1/admin/health",
        "/admin/posts/{id}",
        "/admin/reports",
        "/admin/reports/{id}",
        "/admin/settings",
        # What the staff says of the server.
        "/about",
        "/about/more",
        "/privacy",
        "/privacy-policy",
        "/terms",
        "/terms-of-service",
        # A form that names an account.
        "/reports/new",
        # Profiles, which everybody may see, and names of hashtags.
        "/api/v1/accounts/lookup",
        "/api/v1/tags/{name}",
        # The description of the API.
        "/openapi.json",
        # Empty, or missing, yet.
        "/api/v1/accounts/{id}/endorsements",
        "/api/v1/accounts/{id}/featured_tags",
        "/api/v1/accounts/{id}/identity_proofs",
        "/api/v1/directory",
        "/api/v1/domain_blocks",
        "/api/v1/emails/check_confirmation",
        "/api/v1/endorsements",
        "/api/v1/featured_tags",
        "/api/v1/featured_tags/suggestions",
        "/api/v1/instance/activity",
        "/api/v1/instance/domain_blocks",
        "/api/v1/instance/extended_description",
        "/api/v1/instance/privacy_policy",
        "/api/v1/instance/terms_of_service",
        "/api/v1/instance/terms_of_service/{date}",
        "/api/v1/instance/translation_languages",
        "/api/v1/media/{id}",
        "/api/v1/peers/search",
        "/api/v1/polls/{id}",
        "/api/v1/push/subscription",
        "/api/v1/scheduled_statuses",
        "/api/v1/scheduled_statuses/{id}",
        "/api/v1/suggestions",
        "/api/v1/timelines/link",
        "/api/v1/trends",
        "/api/v1/trends/links",
        "/api/v1/trends/statuses",
        "/api/v1/trends/tags",
        "/api/v2/suggestions",
    }
)
"""Routes that show nobody's posts, nor who did what with them."""
