"""Which screen shows what: the top views by name, and details by the kind of thing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from fleet.view import BundleOnCluster, BundleView, ClusterView, DriftView, NeedView, RolloutView
from tui.content.drift_inbox import DriftGroup
from tui.content.tree import object_key
from tui.model.queries import Approval, subject_of_need
from tui.places import ClusterPlace, HelpPlace, LogPlace, SearchPlace, SettingsPlace, TrendsPlace
from tui.screens.approvals import ApprovalsScreen
from tui.screens.bundles import BundleScreen, BundlesScreen
from tui.screens.cluster import ClusterScreen
from tui.screens.clusters import ClustersScreen
from tui.screens.drift import DriftScreen
from tui.screens.events import EventsScreen
from tui.screens.help import HelpScreen
from tui.screens.history import HistoryScreen
from tui.screens.log import LogScreen
from tui.screens.overview import OverviewScreen
from tui.screens.rollout import RolloutScreen
from tui.screens.rollouts import RolloutsScreen
from tui.screens.search import SearchScreen
from tui.screens.settings import SettingsScreen
from tui.screens.trends import TrendsScreen
from tui.screens.view import ViewScreen
from tui.session import Session

_TOP: tuple[type[ViewScreen], ...] = (
    OverviewScreen,
    ClustersScreen,
    BundlesScreen,
    RolloutsScreen,
    DriftScreen,
    EventsScreen,
    HistoryScreen,
    ApprovalsScreen,
)
_VIEW_OF_NEED = {
    "refused": "history",
    "confirm": "history",
    "failure": "history",
    "drift": "drift",
    "approval": "approvals",
}


def view_factories(session: Session) -> dict[str, Callable[[], ViewScreen]]:
    """The top views by name."""
    return {screen.VIEW: partial(screen, session) for screen in _TOP}


def detail_of(session: Session, subject: object) -> ViewScreen | str | None:
    """The screen for one thing, the name of a top view that shows it, or None."""
    match subject:
        case NeedView():
            found = subject_of_need(session.store, subject)
            known = detail_of(session, found) if found is not None else None
            return known or _VIEW_OF_NEED.get(subject.kind)
        case DriftGroup(first=first):
            return _cluster_screen(session, first)
        case BundleView(name=name):
            return BundleScreen(session, name)
        case RolloutView() | Approval():
            rollout = subject if isinstance(subject, RolloutView) else subject.rollout
            return RolloutScreen(session, rollout)
        case SearchPlace() | LogPlace() | SettingsPlace() | TrendsPlace() | HelpPlace():
            return _place_screen(session, subject)
        case _:
            return _cluster_screen(session, subject)


def _place_screen(
    session: Session, place: SearchPlace | LogPlace | SettingsPlace | TrendsPlace | HelpPlace
) -> ViewScreen:
    match place:
        case SearchPlace(text=text):
            return SearchScreen(session, text)
        case LogPlace():
            return LogScreen(session, place)
        case SettingsPlace():
            return SettingsScreen(session)
        case TrendsPlace():
            return TrendsScreen(session)
        case HelpPlace():
            return HelpScreen(session, place)


def _cluster_screen(session: Session, subject: object) -> ClusterScreen | None:
    match subject:
        case ClusterView(name=name):
            return ClusterScreen(session, name)
        case ClusterPlace(name=name, tab=tab, at=at):
            return ClusterScreen(session, name, tab=tab, at=at)
        case BundleOnCluster(cluster=cluster, bundle=bundle):
            return ClusterScreen(session, cluster, at=bundle)
        case DriftView(cluster=cluster):
            return ClusterScreen(session, cluster, at=object_key(subject))
        case _:
            return None
