"""All routes of the Mastodon client API."""

from ripstop.domain.feeds import Home
from ripstop.domain.media.actions import Images
from ripstop.domain.moderation.queues import Queues
from ripstop.engines.base import Engine
from ripstop.kernel.secrets import Secrets
from ripstop.machinery.graph import Graph
from ripstop.surfaces.condition.condition import Condition
from ripstop.surfaces.http.routing import Route
from ripstop.surfaces.mastodon.accounts import Accounts
from ripstop.surfaces.mastodon.admin_accounts import AdminAccounts
from ripstop.surfaces.mastodon.admin_reports import AdminReports
from ripstop.surfaces.mastodon.admin_server import AdminServer
from ripstop.surfaces.mastodon.apps import Apps
from ripstop.surfaces.mastodon.conversations import Conversations
from ripstop.surfaces.mastodon.discovery import Discovery
from ripstop.surfaces.mastodon.edits import Edits
from ripstop.surfaces.mastodon.featured import FeaturedOnProfiles
from ripstop.surfaces.mastodon.filters import Filters, OldFilters
from ripstop.surfaces.mastodon.follow_requests import FollowRequests
from ripstop.surfaces.mastodon.grouped_notifications import GroupedNotifications
from ripstop.surfaces.mastodon.instance import Instance
from ripstop.surfaces.mastodon.leftovers import leftover_routes
from ripstop.surfaces.mastodon.lists import Lists
from ripstop.surfaces.mastodon.markers import Markers
from ripstop.surfaces.mastodon.media import MediaAttachments
from ripstop.surfaces.mastodon.notification_policy import NotificationPolicy
from ripstop.surfaces.mastodon.notifications import Notifications
from ripstop.surfaces.mastodon.oauth import OAuth
from ripstop.surfaces.mastodon.people import People
from ripstop.surfaces.mastodon.present.account import AccountPresenter
from ripstop.surfaces.mastodon.present.admin import AdminPresenter
from ripstop.surfaces.mastodon.present.conversation import ConversationPresenter
from ripstop.surfaces.mastodon.present.notification import NotificationPresenter
from ripstop.surfaces.mastodon.present.notification_group import GroupPresenter
from ripstop.surfaces.mastodon.present.status import StatusPresenter
from ripstop.surfaces.mastodon.quotes import Quotes
from ripstop.surfaces.mastodon.relationships import Relationships
from ripstop.surfaces.mastodon.reports import Reports
from ripstop.surfaces.mastodon.search import Search
from ripstop.surfaces.mastodon.site import Site
from ripstop.surfaces.mastodon.statuses import Statuses
from ripstop.surfaces.mastodon.tags import Tags
from ripstop.surfaces.mastodon.timelines import Timelines


def mastodon_routes(
    graph: Graph,
    engine: Engine,
    *,
    home: Home,
    images: Images,
    site: Site,
    seal: Secrets,
    queues: Queues,
    condition: Condition,
) -> list[Route]:
    """The routes, over handlers that share their presenters."""
    accounts = AccountPresenter(graph, origin=site.origin)
    statuses = StatusPresenter(graph, accounts.cards, origin=site.origin)
    notifications = NotificationPresenter(graph, accounts, statuses)
    groups = GroupPresenter(graph, accounts, statuses, origin=site.origin)
    admin = AdminPresenter(graph, accounts, statuses, origin=site.origin)
    return [
        *Apps(graph, site).routes(),
        *OAuth(graph, site).routes(),
        *Discovery(graph, site).routes(),
        *Accounts(graph, accounts, images, site=site, seal=seal).routes(),
        *MediaAttachments(graph, images, origin=site.origin).routes(),
        *Relationships(graph, accounts).routes(),
        *FollowRequests(graph, accounts).routes(),
        *Statuses(graph, statuses, accounts, site=site).routes(),
        *Edits(graph, statuses, accounts.cards, site=site).routes(),
        *Quotes(graph, statuses).routes(),
        *Timelines(graph, home, statuses).routes(),
        *Tags(graph, site).routes(),
        *Filters(graph).routes(),
        *OldFilters(graph).routes(),
        *Lists(graph, accounts, statuses).routes(),
        *Notifications(graph, notifications).routes(),
        *GroupedNotifications(graph, groups, accounts).routes(),
        *NotificationPolicy(graph, notifications).routes(),
        *Conversations(graph, ConversationPresenter(accounts, statuses)).routes(),
        *Search(graph, engine, accounts, statuses, site=site).routes(),
        *Markers(graph).routes(),
        *FeaturedOnProfiles(graph, accounts, site).routes(),
        *People(graph, accounts).routes(),
        *Reports(graph, accounts).routes(),
        *AdminAccounts(graph, admin).routes(),
        *AdminReports(graph, admin).routes(),
        *AdminServer(graph, queues, condition).routes(),
        *Instance(graph, accounts, site).routes(),
        *leftover_routes(),
    ]
