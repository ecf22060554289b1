"""Entities of notifications, alone and in groups, of policy, and of requests."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ripstop.surfaces.mastodon.entities.base import Count, Entity, Id, Instant, Url
from ripstop.surfaces.mastodon.entities.moderation import Report
from ripstop.surfaces.mastodon.entities.people import Account
from ripstop.surfaces.mastodon.entities.posts import Status

Verdict = Literal["accept", "filter", "drop"]


class Notification(Entity, kw_only=True):
    """What somebody is told."""

    id: Id
    type: str
    created_at: Instant
    group_key: str
    account: Account
    status: Status | None
    report: Report | UnsetType = UNSET
    filtered: bool | UnsetType = UNSET


class PartialAccountWithAvatar(Entity, kw_only=True):
    """What a row of avatars takes."""

    id: Id
    acct: str
    url: Url
    avatar: Url
    avatar_static: Url
    avatar_description: str
    locked: bool
    bot: bool


class NotificationGroup(Entity, kw_only=True):
    """What somebody is told of together."""

    group_key: str
    notifications_count: Count
    type: str
    most_recent_notification_id: int
    page_min_id: Id | UnsetType = UNSET
    page_max_id: Id | UnsetType = UNSET
    latest_page_notification_at: Instant | UnsetType = UNSET
    sample_account_ids: list[Id]
    status_id: Id | None
    report: Report | UnsetType = UNSET


class GroupedNotificationsResults(Entity, kw_only=True):
    """Groups, and once each all that they name."""

    accounts: list[Account]
    partial_accounts: list[PartialAccountWithAvatar] | UnsetType = UNSET
    statuses: list[Status]
    notification_groups: list[NotificationGroup]


class PolicySummary(Entity, kw_only=True):
    """How much is held back."""

    pending_requests_count: Count
    pending_notifications_count: Count


class NotificationPolicy(Entity, kw_only=True):
    """Of whom somebody wants to be told."""

    for_not_following: Verdict
    for_not_followers: Verdict
    for_new_accounts: Verdict
    for_private_mentions: Verdict
    for_limited_accounts: Verdict
    for_bots: Verdict
    summary: PolicySummary


class OldNotificationPolicy(Entity, kw_only=True):
    """The same, as it was in version 1."""

    filter_not_following: bool
    filter_not_followers: bool
    filter_new_accounts: bool
    filter_private_mentions: bool
    summary: PolicySummary


class NotificationRequest(Entity, kw_only=True):
    """What was held back of somebody."""

    id: Id
    created_at: Instant
    updated_at: Instant
    notifications_count: Annotated[str, msgspec.Meta(pattern=r"^[0-9]+$")]
    account: Account
    last_status: Status | None


class RequestsMerged(Entity, kw_only=True):
    """Whether nothing that was accepted is still on its way."""

    merged: bool
