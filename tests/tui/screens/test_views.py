"""Each view shows what it is for, follows what changes, and opens what is selected."""

import msgspec

from fleet.view import Change, ClusterState, EventView, NeedView
from tests.fakes import fleets
from tests.tui.running import running
from tui.screens.bundles import BundleScreen
from tui.screens.cluster import ClusterScreen
from tui.screens.rollout import RolloutScreen
from tui.widgets.heatmap import Heatmap
from tui.widgets.tabs import TabLine


async def test_the_overview_shows_needs_rollouts_heatmap_and_the_worst() -> None:
    async with running() as run:
        for words in (
            "Needs you  6",
            "Rollouts in flight  1",
            "Heatmap  24 by env",
            "⊘ Quarantined",
        ):
            assert words in run.text, words


async def test_a_change_is_shown_where_it_stands() -> None:
    async with running() as run:
        cluster = run.server.view.clusters[0]
        newer = msgspec.structs.replace(cluster, state=ClusterState.FAILED, why="broke just now")
        run.server.send([Change(entity="cluster", key=cluster.name, value=newer)])

        await run.shows("broke just now")

        assert run.table("worst").model.order.index(cluster.name) < 5


async def test_the_cursor_stays_on_its_cluster_when_rows_move() -> None:
    async with running() as run:
        await run.press("2", "end")
        table = run.table("clusters")
        key = table.cursor_key
        worst = msgspec.structs.replace(
            run.server.view.clusters[-1], name="zzz-new", state=ClusterState.QUARANTINED
        )
        run.server.send([Change(entity="cluster", key="zzz-new", value=worst)])

        await run.until(lambda: "zzz-new" in table.model.rows)

        assert table.cursor_key == key


async def test_when_the_row_under_the_cursor_goes_the_cursor_stays_near() -> None:
    async with running() as run:
        await run.press("2", "j", "j", "j")
        table = run.table("clusters")
        gone, place = table.cursor_key, table.cursor
        assert gone is not None
        run.server.send([Change(entity="cluster", key=gone)])

        await run.until(lambda: gone not in table.model.rows)

        assert table.cursor == place


async def test_hidden_views_are_up_to_date_when_one_comes_back() -> None:
    async with running() as run:
        await run.press("2", "1")
        cluster = msgspec.structs.replace(run.server.view.clusters[0], why="while you were away")
        run.server.send([Change(entity="cluster", key=cluster.name, value=cluster)])
        await run.until(lambda: run.app.session.store.clusters[cluster.name].why == cluster.why)

        await run.press("2")

        await run.shows("while you were away")


async def test_enter_on_a_need_opens_what_it_speaks_of() -> None:
    async with running() as run:
        await run.press("enter")
        assert isinstance(run.app.screen, ClusterScreen)
        await run.press("escape", "j", "j", "enter")

        assert isinstance(run.app.screen, RolloutScreen)


async def test_the_heatmap_is_walked_by_keys_and_names_its_cluster() -> None:
    async with running() as run:
        heat = run.app.screen.query_one(Heatmap)
        heat.focus()
        await run.press("l", "l", "l", "l")
        assert heat.current is not None
        assert heat.current.name == "stage-ap-008"
        await run.press("down", "enter")

        assert isinstance(run.app.screen, ClusterScreen)


async def test_v_groups_the_heatmap_and_the_matrix_by_the_next_label() -> None:
    async with running() as run:
        await run.press("v")
        assert "by region" in run.text
        await run.press("3", "v")

        await run.shows("AP-SOUTH-1")


async def test_a_cluster_shows_its_tree_and_the_difference_of_an_object() -> None:
    async with running() as run:
        run.app.show("cluster/prod-eu-009")
        await run.shows("Deployment/web")
        await run.press(*"jjjjj")
        await run.shows("+  replicas: 3")

        assert "-  replicas: 7" in run.text
        assert "PRODUCTION" in run.text


async def test_tabs_of_a_cluster_are_chosen_by_letters_and_brackets() -> None:
    async with running() as run:
        run.app.show("cluster/prod-eu-009")
        await run.shows("Deployment/web")
        line = run.app.screen.query_one(TabLine)
        await run.press("W")
        await run.shows("waits for 1 more approval")
        await run.press("y", *"jjjjj")
        await run.shows("managed by flotilla (Apply)")
        await run.press("e")
        await run.shows("release 9f3c1ab0")
        await run.press("right_square_bracket")
        assert line.current == "History"
        await run.press("left_square_bracket", "left_square_bracket")

        assert line.current == "YAML"


async def test_bundles_fold_and_unfold() -> None:
    async with running() as run:
        run.app.show("cluster/prod-eu-009")
        await run.shows("Deployment/web")
        tree = run.table("tree")
        before = len(tree.model)
        await run.press("left")
        assert len(tree.model) == before - 6
        await run.press("right")

        assert len(tree.model) == before


async def test_an_error_of_the_server_is_a_pane_and_no_crash() -> None:
    async with running() as run:
        run.server.status_of = {"/v1/why": 503}
        run.app.show("cluster/prod-eu-009")
        await run.shows("Deployment/web")
        await run.press("W")

        await run.shows("✖ Told to answer 503.")


async def test_one_bundle_everywhere_leads_to_its_clusters() -> None:
    async with running() as run:
        await run.press("3", "j", "j", "enter")
        assert isinstance(run.app.screen, BundleScreen)
        await run.shows("payments")
        await run.press("enter")

        assert isinstance(run.app.screen, ClusterScreen)


async def test_why_of_a_bundle_is_a_box() -> None:
    async with running() as run:
        await run.press("3", "W")
        await run.shows("Why is cert-manager as it is?")
        await run.press("escape")

        assert run.app.current_mode == "bundles"


async def test_a_rollout_shows_stages_gates_clusters_and_what_it_waits_for() -> None:
    async with running() as run:
        await run.press("4", "enter")
        for words in (
            "│ ✓ dev",
            "│ ◆ prod",
            "Stage prod waits for 1 more approval",
            "73%",
            "8m left",
            "9 of 24 clusters",
            "image 2.8.0 -> 2.8.1",
        ):
            await run.shows(words)


async def test_a_rollout_follows_its_stages() -> None:
    async with running() as run:
        await run.press("4", "enter")
        rollout = run.server.view.rollouts[0]
        stages = [*rollout.stages[:2], msgspec.structs.replace(rollout.stages[2], state="running")]
        newer = msgspec.structs.replace(rollout, stages=stages, phase="Running", waiting_on=())
        run.server.send([Change(entity="rollout", key=rollout.id, value=newer)])

        await run.shows("↻ prod")
        await run.shows("nothing holds it up")


async def test_a_rollout_that_is_over_says_so_and_what_is_left_to_decide() -> None:
    async with running() as run:
        await run.press("4", "enter")
        rollout = run.server.view.rollouts[0]
        over = msgspec.structs.replace(
            rollout, phase="RolledBack", finished_at=fleets.NOW, waiting_on=()
        )
        need = NeedView(
            id=f"hold/{rollout.id}", kind="halted", subject="x", sentence="merge the revert"
        )
        changes = [
            Change(entity="rollout", key=rollout.id, value=over),
            Change(entity="need", key=need.id, value=need),
        ]
        run.server.send(changes)

        await run.shows("it is over: ✖ RolledBack")
        await run.shows("merge the revert")
        assert "nothing holds it up" not in run.text
        assert "Gates of prod" not in run.text
        await run.press("H")
        await run.shows("Release the hold on x")


async def test_drift_is_grouped_and_shows_who_and_what() -> None:
    async with running() as run:
        await run.press("5")
        for words in ("Deployment/web", "kubectl-edit (Update)", "spec.replicas", "replicas: 7"):
            await run.shows(words)


async def test_a_group_of_drift_unfolds_and_is_put_back_as_a_whole() -> None:
    async with running() as run:
        await run.press("5", "enter")
        assert "├ prod-eu-009" in run.text
        await run.press("s")
        await run.shows("Put back Deployment web on 2 clusters")
        await run.type("Deployment/web")
        await run.press("tab")
        await run.type("not meant")
        await run.press("enter")
        await run.until(lambda: len(run.server.commands) == 2)
        assert {each.target for each in run.server.commands} == {"drift/drift-1", "drift/drift-2"}
        await run.press("left")
        assert "├" not in run.text.partition("What happened")[0]


async def test_one_of_a_group_is_put_back_alone_and_opened_on_its_cluster() -> None:
    async with running() as run:
        await run.press("5", "right", "j", "j", "s")
        await run.shows("Put back Deployment web on stage-ap-005")
        await run.press("escape", "enter")
        await run.shows("Clusters ▸ stage-ap-005")


async def test_drift_is_grouped_by_cluster_bundle_and_person() -> None:
    async with running() as run:
        await run.press("5")
        for words in ("by cluster  2 clusters", "by bundle  1 bundle", "by manager  1 manager"):
            await run.press("v")
            assert words in run.text, words


async def test_events_come_newest_first_and_older_ones_are_read() -> None:
    async with running() as run:
        older = EventView(seq=18000, at=fleets.NOW, actor="dave", kind="Suspended", sentence="old")
        run.server.view = msgspec.structs.replace(
            run.server.view, events=(older, *run.server.view.events)
        )
        await run.press("6")
        assert "DriftSeen" in run.text.splitlines()[4]
        await run.press("b")

        await run.until(lambda: "18000" in run.table("events").model.rows)


async def test_history_counts_where_each_commit_runs() -> None:
    async with running() as run:
        await run.press("7")
        await run.shows("✖ refused")
        await run.press("j")

        await run.shows("110 placements on 22 clusters")


async def test_approvals_show_what_would_be_let_through() -> None:
    async with running() as run:
        await run.press("8")

        await run.shows("15 clusters")
        await run.shows("1/2 bob")


async def test_search_finds_names_and_objects_on_every_cluster() -> None:
    async with running() as run:
        await run.press("colon")
        await run.type("find poddisruption")
        await run.press("enter")

        await run.until(lambda: len(run.table("hits").model) == 24 * 5)
        await run.press("enter")
        assert isinstance(run.app.screen, ClusterScreen)


async def test_help_lists_the_keys_of_the_view_and_runs_one() -> None:
    async with running() as run:
        await run.press("5", "question_mark")
        assert "Keys in drift" in run.text
        await run.press("slash")
        await run.type("drift: put it back")
        await run.press("enter", "enter")

        await run.shows("Put back")


async def test_the_palette_finds_clusters_and_actions() -> None:
    async with running() as run:
        await run.press("ctrl+p")
        await run.type("prod-us-022")
        await run.shows("cluster/prod-us-022")
        await run.pilot.press("enter")

        await run.until(lambda: isinstance(run.app.screen, ClusterScreen))


async def test_a_cluster_that_is_left_alone_says_so_beside_its_state() -> None:
    async with running() as run:
        cluster = next(c for c in run.server.view.clusters if c.state is ClusterState.OFFLINE)
        rarely = msgspec.structs.replace(cluster, silence="asked rarely")
        run.server.send([Change(entity="cluster", key=cluster.name, value=rarely)])
        run.app.show(f"cluster/{cluster.name}")

        await run.shows("◌ Offline  asked rarely")
