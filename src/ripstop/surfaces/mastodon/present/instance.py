"""The Instance entities, versions 1 and 2. Both follow from the site and the settings alone."""

import msgspec

from ripstop.domain.accounts.check import MAX_FIELD, MAX_FIELDS
from ripstop.domain.media.actions import MAX_DESCRIPTION
from ripstop.domain.media.imaging import MOST_PIXELS
from ripstop.domain.media.model import ATTACHMENT, MOST_BYTES
from ripstop.domain.posts.attachments import MOST_ATTACHMENTS
from ripstop.domain.posts.draft import MAX_CHARACTERS
from ripstop.domain.posts.featured import MOST_FEATURED
from ripstop.domain.posts.pins import MOST_PINNED
from ripstop.domain.settings import Settings
from ripstop.domain.text import URL_LENGTH, render
from ripstop.surfaces.mastodon.present.account import HEADER
from ripstop.surfaces.mastodon.present.instants import day, instant
from ripstop.surfaces.mastodon.site import API_VERSIONS, Site

ABOUT, TERMS, PRIVACY = "/about", "/terms", "/privacy"
"""Where the web app shows what is said here."""

_ACCOUNTS = {
    "max_featured_tags": MOST_FEATURED,
    "max_pinned_statuses": MOST_PINNED,
    "max_profile_fields": MAX_FIELDS,
    "profile_field_name_limit": MAX_FIELD,
    "profile_field_value_limit": MAX_FIELD,
}
_STATUSES = {
    "max_characters": MAX_CHARACTERS,
    "max_media_attachments": MOST_ATTACHMENTS,
    "characters_reserved_per_url": URL_LENGTH,
}
_MEDIA = {
    "supported_mime_types": ["image/jpeg", "image/png", "image/webp", "image/gif"],
    "description_limit": MAX_DESCRIPTION,
    "image_size_limit": MOST_BYTES[ATTACHMENT],
    "image_matrix_limit": MOST_PIXELS,
    "video_size_limit": 0,
    "video_frame_rate_limit": 0,
    "video_matrix_limit": 0,
}
_POLLS = {"max_options": 0, "max_characters_per_option": 0, "min_expiration": 0, "max_expiration": 0}


def rules(settings: Settings) -> list[dict[str, object]]:
    """A Rule for each rule of this server."""
    return [{"id": str(rule.id), "text": rule.text, "hint": ""} for rule in settings.rules]


def about(text: str, settings: Settings, origin: str) -> dict[str, object]:
    """One of the long texts about the server: plain text as HTML, and when the settings last changed."""
    if not text:
        return {"updated_at": None, "content": ""}
    updated_at = None if settings.updated_at is None else instant(settings.updated_at)
    return {"updated_at": updated_at, "content": render(text, origin=origin, person=lambda handle: None)}


def terms(settings: Settings, origin: str) -> dict[str, object]:
    """A TermsOfService: those that hold now."""
    return {
        "effective_date": effective_date(settings),
        "effective": True,
        "content": render(settings.terms_of_service, origin=origin, person=lambda handle: None),
        "succeeded_by": None,
    }


def effective_date(settings: Settings) -> str | None:
    """The day since which the terms of service hold."""
    return None if settings.terms_at is None else day(settings.terms_at)


def instance_v1(site: Site, settings: Settings, contact: bytes | None) -> dict[str, object]:
    """V1::Instance, for clients from before Mastodon 4.

    :param contact: the Account that answers questions.
    """
    site = site.named(settings)
    return {
        "uri": site.domain,
        "title": site.title,
        "short_description": site.description,
        "description": site.description,
        "email": settings.contact_email,
        "version": site.product,
        "urls": {"streaming_api": site.streaming},
        "stats": {"user_count": 0, "status_count": 0, "domain_count": 0},
        "thumbnail": site.origin + HEADER,
        "languages": ["en"],
        "registrations": settings.registrations,
        "approval_required": settings.registrations and settings.approval_required,
        "invites_enabled": False,
        "configuration": {
            "accounts": _ACCOUNTS,
            "statuses": _STATUSES,
            "media_attachments": _MEDIA,
            "polls": _POLLS,
        },
        "contact_account": None if contact is None else msgspec.Raw(contact),
        "rules": rules(settings),
    }


def instance_v2(site: Site, settings: Settings, contact: bytes | None) -> dict[str, object]:
    """Instance.

    :param contact: the Account that answers questions.
    """
    site = site.named(settings)
    return {
        "domain": site.domain,
        "title": site.title,
        "version": site.product,
        "source_url": "",
        "description": site.description,
        "usage": {"users": {"active_month": 0}},
        "thumbnail": {"url": site.origin + HEADER, "blurhash": None, "versions": {}},
        "icon": [],
        "languages": ["en"],
        "configuration": {
            "urls": {
                "streaming": site.streaming,
                "status": None,
                "about": site.origin + ABOUT,
                "privacy_policy": site.origin + PRIVACY,
                "terms_of_service": site.origin + TERMS if settings.terms_of_service else None,
            },
            "vapid": {"public_key": site.vapid_key},
            "accounts": _ACCOUNTS,
            "statuses": _STATUSES,
            "media_attachments": _MEDIA,
            "polls": _POLLS,
            "translation": {"enabled": False},
            "timelines_access": {
                "live_feeds": {"local": "public", "remote": "disabled"},
                "hashtag_feeds": {"local": "public", "remote": "disabled"},
                "trending_link_feeds": {"local": "disabled", "remote": "disabled"},
            },
            "limited_federation": False,
        },
        "registrations": {
            "enabled": settings.registrations,
            "approval_required": settings.registrations and settings.approval_required,
            "reason_required": settings.approval_required and settings.reason_required,
            "message": None if settings.registrations else settings.closed_message or None,
            "min_age": None,
            "url": None,
        },
        "api_versions": API_VERSIONS,
        "contact": {"email": settings.contact_email, "account": None if contact is None else msgspec.Raw(contact)},
        "rules": rules(settings),
    }
