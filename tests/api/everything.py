"""A world with one of everything in it, and requests that no client would send."""

from __future__ import annotations

import asyncio
import io

import aiohttp

from tests.api.client import Api, Person
from tests.pictures import photograph
from tests.server import PATIENCE, Server

World = dict[str, str]


async def a_world(api: Api, alice: Person, bob: Person) -> World:
    """One of everything; the id of each by the word that stands before it in paths."""
    await api.follow(alice, bob)
    await api.follow(bob, alice)
    post = await api.publish(alice, "On #weaving, with @" + bob.username, spoiler_text="cloth")
    await api.want("PUT", f"/api/v1/statuses/{post['id']}", as_=alice, form={"status": "On #weaving and #thread"})
    reply = await api.publish(bob, "@" + alice.username + " yes", in_reply_to_id=post["id"])
    for verb in ("favourite", "reblog", "bookmark"):
        await api.want("POST", f"/api/v1/statuses/{post['id']}/{verb}", as_=bob)
        await api.want("POST", f"/api/v1/statuses/{reply['id']}/{verb}", as_=alice)
    await api.want("POST", f"/api/v1/statuses/{post['id']}/pin", as_=alice)
    picture = aiohttp.FormData()
    picture.add_field("file", io.BytesIO(photograph(60, 40)), filename="cloth.jpg", content_type="image/jpeg")
    media = await api.want("POST", "/api/v2/media", as_=alice, data=picture)
    await api.want("POST", "/api/v1/tags/weaving/follow", as_=alice)
    list_ = await api.want("POST", "/api/v1/lists", as_=alice, form={"title": "friends"})
    await api.want("POST", f"/api/v1/lists/{list_['id']}/accounts", as_=alice, form={"account_ids[]": bob.id})
    form = {"title": "quiet", "context[]": "home", "keywords_attributes[][keyword]": "yes"}
    filter_ = await api.want("POST", "/api/v2/filters", as_=alice, form=form)
    filtered = await api.want(
        "POST", f"/api/v2/filters/{filter_['id']}/statuses", as_=alice, form={"status_id": reply["id"]}
    )
    await api.want("POST", "/api/v1/markers", as_=alice, form={"home[last_read_id]": post["id"]})
    await api.want("PATCH", "/api/v2/notifications/policy", as_=alice, form={"for_not_following": "filter"})
    stranger = await api.person("stranger")
    await api.publish(stranger, f"@{alice.username} you do not know me")
    report = await api.want("POST", "/api/v1/reports", as_=alice, form={"account_id": stranger.id})
    await api.drained()
    [request] = await api.want("GET", "/api/v1/notifications/requests", as_=alice)
    [notification, *_] = await api.want("GET", "/api/v1/notifications", as_=alice)
    return {
        "accounts": alice.id,
        "statuses": post["id"],
        "tags": "weaving",
        "tag": "weaving",
        "list": list_["id"],
        "lists": list_["id"],
        "filters": filter_["id"],
        "filters/keywords": filter_["keywords"][0]["id"],
        "filters/statuses": filtered["id"],
        "v1/filters": filter_["keywords"][0]["id"],
        "notifications": notification["id"],
        "v2/notifications": notification["group_key"],
        "notifications/requests": request["id"],
        "media": media["id"],
        "reports": report["id"],
        "nodeinfo": "2.1",
        "functions": "search.index_everyone",
    }


async def sent(server: Server, head: bytes) -> bytes:
    """All that comes back until the connection is closed."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(PATIENCE):
            writer.write(head)
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
