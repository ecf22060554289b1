"""Templates: how what handlers found becomes HTML."""

from collections.abc import MutableMapping
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import jinja2
from markupsafe import Markup, escape

from ripstop.domain.settings import Settings
from ripstop.surfaces.web.cards import Shown
from ripstop.surfaces.web.drawing import Drawing
from ripstop.surfaces.web.static import Static

TEMPLATES = Path(__file__).parent / "templates"
MACROS = (("feed.html", "feed"), ("head.html", "link_preview"), ("person.html", "person"))
"""What all templates know. Each page that imported them would spend a tenth of its time on it."""
PAGE = 20
"""Posts of a page."""


class SiteFacts(NamedTuple):
    """What every page says of the server; `has_terms` and `has_policy`, that there are pages on these."""

    title: str
    domain: str
    description: str
    has_terms: bool = False
    has_policy: bool = False

    def named(self, settings: Settings) -> "SiteFacts":
        """The same as the staff says it."""
        return SiteFacts(
            settings.title or self.title,
            self.domain,
            settings.description or self.description,
            bool(settings.terms_of_service),
            bool(settings.privacy_policy),
        )


def _environment(loader: jinja2.BaseLoader | None = None) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=loader,
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,  # however many there are: the order in which they were asked for is not kept
    )
    environment.filters["coded"] = coded
    return environment


@cache
def _code_of(template: str) -> CodeType:
    path = TEMPLATES / template
    return _environment().compile(path.read_text(encoding="utf-8"), template, str(path))


class _Compiled(jinja2.FileSystemLoader):
    """Compiles a template once in a process, which takes 10 ms, for however many renderers there are."""

    def load(
        self, environment: jinja2.Environment, name: str, globals: MutableMapping[str, Any] | None = None
    ) -> jinja2.Template:
        return jinja2.Template.from_code(environment, _code_of(name), {} if globals is None else globals)


def _macros(environment: jinja2.Environment, template: str) -> Any:
    """The macros of a template."""
    return environment.get_template(template).module


def coded(words: str) -> Markup:
    """A sentence with what stands between backticks as code."""
    parts = [escape(part) for part in words.split("`")]
    if len(parts) % 2 == 0:  # one of them is alone
        return escape(words)
    parts[1::2] = [Markup("<code>{}</code>").format(part) for part in parts[1::2]]
    return Markup("").join(parts)


class Renderer:
    """Templates, compiled once. Everything is escaped but the content of posts, which the domain has made clean."""

    def __init__(self, static: Static, facts: SiteFacts) -> None:
        environment = _environment(_Compiled(TEMPLATES))
        environment.globals["static"] = static.url
        environment.globals["site"] = self.facts = facts
        self._drawing = Drawing(environment, nobody=static.url("avatar.svg"))
        drawing = self._drawing
        for draw in (drawing.card, drawing.cards, drawing.cited, drawing.face, drawing.wording):
            environment.globals[draw.__name__] = draw
        icons = _macros(environment, "icons.html")
        environment.globals["icon"] = cache(icons.icon)
        environment.globals["symbols"] = icons.symbols()
        looks = _macros(environment, "looks.html")
        environment.globals["styles"] = looks.styles()
        environment.globals["modules"] = looks.modules()
        for template, macro in MACROS:
            environment.globals[macro] = getattr(_macros(environment, template), macro)
        self._templates = {name: environment.get_template(name) for name in environment.list_templates()}

    def page(self, template: str, settings: Settings | None = None, /, **context: object) -> bytes:
        """A page. `me` is the reader, or None: everybody.

        :param settings: what the staff says of the server; None: that is not known now.
        """
        if settings is not None:
            context["site"] = self.facts.named(settings)
        return self._templates[template].render(context).encode()

    def post(self, post: Shown) -> str:
        """One post as it stands in a feed, for everybody."""
        return str(self._drawing.card(post))
