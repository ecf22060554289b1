"""The MediaAttachment entity."""

from ripstop.domain.media.model import LARGE, SMALL, Attachment, Shape, media_path


def attachment_fields(attachment: Attachment, origin: str) -> dict[str, object]:
    """A picture of a post."""
    x, y = attachment.focus
    return {
        "id": str(attachment.id),
        "type": "image",
        "url": origin + media_path(attachment.key, LARGE),
        "preview_url": origin + media_path(attachment.key, SMALL),
        "remote_url": None,
        "preview_remote_url": None,
        "text_url": None,
        "meta": {
            "focus": {"x": x, "y": y},
            "original": _shape(attachment.large),
            "small": _shape(attachment.small),
        },
        "description": attachment.description or None,
        "blurhash": attachment.blurhash,
    }


def _shape(shape: Shape) -> dict[str, object]:
    width, height = shape.width, shape.height
    return {"width": width, "height": height, "size": f"{width}x{height}", "aspect": width / height}
