"""What listeners are told, rendered once for all of them."""

import msgspec

from ripstop.domain.streams import Stream
from ripstop.surfaces.http.websocket import text_frame


class News:
    """One event.

    :param event: its name in the API.
    :param payload: JSON without a line end; None for an event that says all by its name.
    """

    __slots__ = ("_chunk", "_event", "_frames", "_payload")

    def __init__(self, event: str, payload: bytes | None = None) -> None:
        self._event = event
        self._payload = payload
        self._frames: dict[tuple[str, ...], bytes] = {}
        self._chunk = b""

    def frame(self, stream: Stream) -> bytes:
        """As a frame of a WebSocket, which says by which stream it came."""
        names = stream.names
        frame = self._frames.get(names)
        if frame is None:
            message: dict[str, object] = {"stream": names, "event": self._event}
            if self._payload is not None:
                message["payload"] = self._payload.decode()
            frame = self._frames[names] = text_frame(msgspec.json.encode(message))
        return frame

    def chunk(self) -> bytes:
        """As an event of an event stream (HTML, section 9.2.5)."""
        if not self._chunk:
            # Browsers drop an event without data.
            self._chunk = b"event: %b\ndata: %b\n\n" % (self._event.encode(), self._payload or b"{}")
        return self._chunk
