"""What of each client this server does not do, and why. Nothing of it is left out silently: all of it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

Table = Mapping[str, tuple[str, ...]]
"""Names of methods or commands by the reason why they are in it."""

MASTODON_PY_REFUSED: Table = {
    "Polls: none on this server yet": ("poll", "poll_vote"),
    "Scheduled posts: none on this server yet": (
        "scheduled_status",
        "scheduled_status_update",
        "scheduled_status_delete",
    ),
    "Web Push: not sent by this server yet": (
        "push_subscription",
        "push_subscription_set",
        "push_subscription_update",
    ),
    "Moderation: for the staff alone, which whoever asks here does not belong to": (
        "admin_account",
        "admin_account_approve",
        "admin_account_delete",
        "admin_account_enable",
        "admin_account_moderate",
        "admin_account_reject",
        "admin_account_unsensitive",
        "admin_account_unsilence",
        "admin_account_unsuspend",
        "admin_accounts",
        "admin_accounts_v1",
        "admin_accounts_v2",
        "admin_report",
        "admin_report_assign",
        "admin_report_reopen",
        "admin_report_resolve",
        "admin_report_unassign",
        "admin_reports",
    ),
    "Blocks of servers and addresses, trends and measures: not part of the API yet": (
        "admin_approve_trending_link",
        "admin_approve_trending_status",
        "admin_approve_trending_tag",
        "admin_canonical_email_block",
        "admin_canonical_email_blocks",
        "admin_create_canonical_email_block",
        "admin_create_domain_allow",
        "admin_create_domain_block",
        "admin_create_email_domain_block",
        "admin_create_ip_block",
        "admin_delete_canonical_email_block",
        "admin_delete_domain_allow",
        "admin_delete_domain_block",
        "admin_delete_email_domain_block",
        "admin_delete_ip_block",
        "admin_dimensions",
        "admin_domain_allow",
        "admin_domain_allows",
        "admin_domain_blocks",
        "admin_email_domain_block",
        "admin_email_domain_blocks",
        "admin_ip_block",
        "admin_ip_blocks",
        "admin_measures",
        "admin_reject_trending_link",
        "admin_reject_trending_status",
        "admin_reject_trending_tag",
        "admin_retention",
        "admin_test_canonical_email_block",
        "admin_trending_links",
        "admin_trending_statuses",
        "admin_trending_tags",
        "admin_update_domain_block",
        "admin_update_ip_block",
    ),
    "Collections, profile pages and annual reports (Mastodon 4.4 to 4.6): not claimed": (
        "account_collections",
        "account_in_collections",
        "collection",
        "collection_create",
        "collection_update",
        "collection_delete",
        "collection_item_add",
        "collection_item_delete",
        "collection_item_revoke",
        "profile",
        "profile_update",
        "annual_report",
        "annual_report_generate",
        "annual_report_read",
        "annual_report_state",
        "annual_reports",
        "get_async_refresh_status",
    ),
    "Announcements: there are none to act on": (
        "announcement_dismiss",
        "announcement_reaction_create",
        "announcement_reaction_delete",
    ),
    "Translation, which there is none of, and texts that are there once the staff has written them": (
        "instance_languages",
        "instance_terms_of_service",
        "status_translate",
    ),
    "Confirmation of mail addresses: not asked for": ("email_resend_confirmation",),
    "Removed from Mastodon with version 3": ("search_v1", "status_card"),
}
"""Methods of Mastodon.py that are answered with 401, 403, 404, 405 or 422, never with an error of the server's."""

MASTODON_PY_EMPTY: Table = {
    "Nothing of the kind on this server yet: scheduled posts, push, trends, translation": (
        "instance_translation_languages",
        "push_subscription_delete",
        "scheduled_statuses",
        "timeline_link",
        "trending_links",
        "trending_statuses",
        "trending_tags",
        "trends",
    ),
}
"""Methods of Mastodon.py that find nothing."""

MASTODON_PY_LOCAL: Table = {
    "Work within the library, without a server, or are refused by it (plain HTTP, what is long gone)": (
        "await_async_refresh",
        "clear_caches",
        "get_async_refresh_info",
        "get_status_length",
        "get_supported_version",
        "make_poll",
        "oauth_userinfo",
        "push_subscription_decrypt_push",
        "push_subscription_generate_keys",
        "reports",
        "set_language",
    ),
}
"""Methods of Mastodon.py that ask no server."""


TOOT_REFUSED: Table = {
    "Polls: none on this server yet": (
        "polls show",
        "polls vote",
        "post --poll-option --poll-expires-in --poll-multiple --poll-hide-totals",
    ),
    "Scheduled posts: none on this server yet": ("post --scheduled-at --scheduled-in",),
    "Passwords are typed on the server's own page alone (Mastodon 4.4 does so too)": (
        "login_cli --instance --email --password",
    ),
    "Trends: none on this server yet": (
        "timelines link --min-id --max-id --since-id --limit",
        "timelines trending --instance --offset --limit",
    ),
}
"""Commands and options of toot that end with the server's refusal, or find nothing."""

TOOT_LOCAL: Table = {
    "Draws to a terminal, and asks the server for what the commands ask for": (
        "tui --relative-datetimes --media-viewer --cache-size --default-visibility --always-show-sensitive",
        "tui --image-format --show-display-names",
    ),
}
"""Commands and options of toot that this server has no part in."""


def names(*tables: Table) -> list[str]:
    """All that the tables name."""
    return [name for table in tables for group in table.values() for name in group]
