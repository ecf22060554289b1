"""What each endpoint of the Mastodon client API answers. One line for each route: a test asks for it."""

from collections.abc import Mapping
from typing import Any

from ripstop.surfaces.http.openapi import Answers, Media
from ripstop.surfaces.mastodon.entities.base import Empty
from ripstop.surfaces.mastodon.entities.notifications import (
    GroupedNotificationsResults,
    NotificationPolicy,
    NotificationRequest,
    OldNotificationPolicy,
    RequestsMerged,
)
from ripstop.surfaces.mastodon.entities.own import (
    FeaturedTag,
    Filter,
    FilterKeyword,
    FilterStatus,
    Markers,
    OldFilter,
    Preferences,
    UnreadCount,
)
from ripstop.surfaces.mastodon.entities.people import (
    Account,
    CredentialAccount,
    FamiliarFollowers,
    List,
    MutedAccount,
    Relationship,
)
from ripstop.surfaces.mastodon.entities.posts import (
    Announcement,
    Context,
    Conversation,
    DeletedStatus,
    Notification,
    Search,
    Status,
    StatusEdit,
    StatusSource,
    Tag,
)
from ripstop.surfaces.mastodon.entities.server import (
    Application,
    CredentialApplication,
    CustomEmoji,
    Instance,
    InstanceV1,
    Links,
    NodeInfo,
    OAuthServer,
    Rule,
    Token,
    UserInfo,
    WebFinger,
)

_OAUTH: Answers = {
    "POST /api/v1/apps": CredentialApplication,
    "GET /api/v1/apps/verify_credentials": Application,
    "POST /oauth/token": Token,
    "POST /oauth/revoke": Empty,
    "GET /oauth/userinfo": UserInfo,
    "POST /oauth/userinfo": UserInfo,
    "GET /.well-known/oauth-authorization-server": OAuthServer,
}

_DISCOVERY: Answers = {
    "GET /.well-known/webfinger": WebFinger,
    "GET /.well-known/nodeinfo": Links,
    "GET /nodeinfo/{version}": NodeInfo,
    "GET /.well-known/host-meta": Media("application/xrd+xml"),
    "GET /.well-known/host-meta.json": Links,
    "GET /.well-known/change-password": {302: None},
}

_INSTANCE: Answers = {
    "GET /api/v1/instance": InstanceV1,
    "GET /api/v2/instance": Instance,
    "GET /api/v1/instance/rules": list[Rule],
    "GET /api/v1/instance/peers": list[str],
    "GET /api/v1/custom_emojis": list[CustomEmoji],
    "GET /api/v1/announcements": list[Announcement],
}

_ACCOUNTS: Answers = {
    "POST /api/v1/accounts": Token,
    "GET /api/v1/accounts": list[Account],
    "GET /api/v1/accounts/verify_credentials": CredentialAccount,
    "PATCH /api/v1/accounts/update_credentials": CredentialAccount,
    "DELETE /api/v1/profile/avatar": CredentialAccount,
    "DELETE /api/v1/profile/header": CredentialAccount,
    "GET /api/v1/accounts/lookup": Account,
    "GET /api/v1/accounts/search": list[Account],
    "GET /api/v1/accounts/{id}": Account,
    "GET /api/v1/accounts/{id}/statuses": list[Status],
    "GET /api/v1/accounts/{id}/followers": list[Account],
    "GET /api/v1/accounts/{id}/following": list[Account],
    "GET /api/v1/accounts/{id}/lists": list[List],
    "GET /api/v1/accounts/{id}/featured_tags": list[FeaturedTag],
    "GET /api/v1/accounts/{id}/endorsements": list[Account],
    "GET /api/v1/endorsements": list[Account],
    "GET /api/v1/featured_tags": list[FeaturedTag],
    "GET /api/v1/preferences": Preferences,
    "GET /api/v1/markers": Markers,
    "POST /api/v1/markers": Markers,
}

_RELATIONS: Answers = {
    "GET /api/v1/accounts/relationships": list[Relationship],
    "POST /api/v1/accounts/{id}/follow": Relationship,
    "POST /api/v1/accounts/{id}/unfollow": Relationship,
    "POST /api/v1/accounts/{id}/remove_from_followers": Relationship,
    "POST /api/v1/accounts/{id}/block": Relationship,
    "POST /api/v1/accounts/{id}/unblock": Relationship,
    "POST /api/v1/accounts/{id}/mute": Relationship,
    "POST /api/v1/accounts/{id}/unmute": Relationship,
    "POST /api/v1/accounts/{id}/note": Relationship,
    "GET /api/v1/accounts/familiar_followers": list[FamiliarFollowers],
    "GET /api/v1/blocks": list[Account],
    "GET /api/v1/mutes": list[MutedAccount],
    "GET /api/v1/follow_requests": list[Account],
    "POST /api/v1/follow_requests/{id}/authorize": Relationship,
    "POST /api/v1/follow_requests/{id}/reject": Relationship,
}

_STATUSES: Answers = {
    "POST /api/v1/statuses": Status,
    "GET /api/v1/statuses": list[Status],
    "GET /api/v1/statuses/{id}": Status,
    "PUT /api/v1/statuses/{id}": Status,
    "PUT /api/v1/statuses/{id}/interaction_policy": Status,
    "GET /api/v1/statuses/{id}/quotes": list[Status],
    "POST /api/v1/statuses/{id}/quotes/{quoting_status_id}/revoke": Status,
    "DELETE /api/v1/statuses/{id}": DeletedStatus,
    "GET /api/v1/statuses/{id}/context": Context,
    "GET /api/v1/statuses/{id}/source": StatusSource,
    "GET /api/v1/statuses/{id}/history": list[StatusEdit],
    "GET /api/v1/statuses/{id}/favourited_by": list[Account],
    "GET /api/v1/statuses/{id}/reblogged_by": list[Account],
    "POST /api/v1/statuses/{id}/favourite": Status,
    "POST /api/v1/statuses/{id}/unfavourite": Status,
    "POST /api/v1/statuses/{id}/reblog": Status,
    "POST /api/v1/statuses/{id}/unreblog": Status,
    "POST /api/v1/statuses/{id}/bookmark": Status,
    "POST /api/v1/statuses/{id}/unbookmark": Status,
    "POST /api/v1/statuses/{id}/pin": Status,
    "POST /api/v1/statuses/{id}/unpin": Status,
    "POST /api/v1/statuses/{id}/mute": Status,
    "POST /api/v1/statuses/{id}/unmute": Status,
    "GET /api/v1/favourites": list[Status],
    "GET /api/v1/bookmarks": list[Status],
}

_LISTS: Answers = {
    "GET /api/v1/timelines/home": list[Status],
    "GET /api/v1/timelines/public": list[Status],
    "GET /api/v1/timelines/tag/{hashtag}": list[Status],
    "GET /api/v1/timelines/list/{id}": list[Status],
    "GET /api/v1/lists": list[List],
    "POST /api/v1/lists": List,
    "GET /api/v1/lists/{id}": List,
    "PUT /api/v1/lists/{id}": List,
    "DELETE /api/v1/lists/{id}": Empty,
    "GET /api/v1/lists/{id}/accounts": list[Account],
    "POST /api/v1/lists/{id}/accounts": Empty,
    "DELETE /api/v1/lists/{id}/accounts": Empty,
    "GET /api/v1/tags/{name}": Tag,
    "POST /api/v1/tags/{name}/follow": Tag,
    "POST /api/v1/tags/{name}/unfollow": Tag,
    "GET /api/v1/followed_tags": list[Tag],
    "GET /api/v2/search": Search,
}

_NOTIFICATIONS: Answers = {
    "GET /api/v1/notifications": list[Notification],
    "GET /api/v1/notifications/unread_count": UnreadCount,
    "GET /api/v1/notifications/{id}": Notification,
    "POST /api/v1/notifications/clear": Empty,
    "POST /api/v1/notifications/{id}/dismiss": Empty,
    "GET /api/v2/notifications": GroupedNotificationsResults,
    "GET /api/v2/notifications/unread_count": UnreadCount,
    "GET /api/v2/notifications/{group_key}": GroupedNotificationsResults,
    "GET /api/v2/notifications/{group_key}/accounts": list[Account],
    "POST /api/v2/notifications/{group_key}/dismiss": Empty,
    "GET /api/v2/notifications/policy": NotificationPolicy,
    "PATCH /api/v2/notifications/policy": NotificationPolicy,
    "GET /api/v1/notifications/policy": OldNotificationPolicy,
    "PATCH /api/v1/notifications/policy": OldNotificationPolicy,
    "PUT /api/v1/notifications/policy": OldNotificationPolicy,
    "GET /api/v1/notifications/requests": list[NotificationRequest],
    "GET /api/v1/notifications/requests/merged": RequestsMerged,
    "GET /api/v1/notifications/requests/{id}": NotificationRequest,
    "POST /api/v1/notifications/requests/accept": Empty,
    "POST /api/v1/notifications/requests/dismiss": Empty,
    "POST /api/v1/notifications/requests/{id}/accept": Empty,
    "POST /api/v1/notifications/requests/{id}/dismiss": Empty,
    "GET /api/v1/conversations": list[Conversation],
    "DELETE /api/v1/conversations/{id}": Empty,
    "POST /api/v1/conversations/{id}/read": Conversation,
    "POST /api/v1/conversations/{id}/unread": Conversation,
}

_FILTERS: Answers = {
    "GET /api/v2/filters": list[Filter],
    "POST /api/v2/filters": Filter,
    "GET /api/v2/filters/{id}": Filter,
    "PUT /api/v2/filters/{id}": Filter,
    "DELETE /api/v2/filters/{id}": Empty,
    "GET /api/v2/filters/{id}/keywords": list[FilterKeyword],
    "POST /api/v2/filters/{id}/keywords": FilterKeyword,
    "GET /api/v2/filters/keywords/{id}": FilterKeyword,
    "PUT /api/v2/filters/keywords/{id}": FilterKeyword,
    "DELETE /api/v2/filters/keywords/{id}": Empty,
    "GET /api/v2/filters/{id}/statuses": list[FilterStatus],
    "POST /api/v2/filters/{id}/statuses": FilterStatus,
    "GET /api/v2/filters/statuses/{id}": FilterStatus,
    "DELETE /api/v2/filters/statuses/{id}": Empty,
    "GET /api/v1/filters": list[OldFilter],
    "POST /api/v1/filters": OldFilter,
    "GET /api/v1/filters/{id}": OldFilter,
    "PUT /api/v1/filters/{id}": OldFilter,
    "DELETE /api/v1/filters/{id}": Empty,
}

ANSWERS: Mapping[str, Any] = {
    **_OAUTH,
    **_DISCOVERY,
    **_INSTANCE,
    **_ACCOUNTS,
    **_RELATIONS,
    **_STATUSES,
    **_LISTS,
    **_NOTIFICATIONS,
    **_FILTERS,
}
