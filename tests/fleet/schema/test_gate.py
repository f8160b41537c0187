import pytest

from fleet.model import HealthCheck, HttpCheck, JobCheck, SoakCheck, WindowCheck
from tests.fleet.source.documents_by_hand import document, inventory, problems


@pytest.mark.parametrize(
    ("spec", "check"),
    [
        ("{soak: 30m}", SoakCheck(duration_s=1800)),
        ("{health: {}}", HealthCheck()),
        ("{window: w}", WindowCheck(windows=("w",))),
        ("{window: [w]}", WindowCheck(windows=("w",))),
        (
            "{http: {url: 'https://x/{{ cluster.name }}', expectStatus: [204], timeout: 1s}}",
            HttpCheck(url="https://x/${cluster.name}", expect_status=(204,), timeout_s=1),
        ),
        (
            "{job: {manifest: {apiVersion: batch/v1, kind: Job}, timeout: 1m}}",
            JobCheck(manifest={"apiVersion": "batch/v1", "kind": "Job"}, timeout_s=60),
        ),
    ],
)
def test_gates(spec: str, check: object) -> None:
    window = document("Window", "w", "{kind: allow, cron: 0 9 * * *, duration: 1h}")
    [one] = inventory(window, document("Gate", "g", spec)).gates.values()
    assert one.check == check


@pytest.mark.parametrize(
    ("spec", "refusal"),
    [
        ("{}", "exactly one of approval, soak, health, window, prometheus, http, job"),
        ("{soak: 1h, approval: {}}", "several are given, only one can hold"),
        ("{soak: 0}", "longer than nothing"),
        ("{approval: {count: 0}}", "allowed at least 1"),
        ("{window: []}", "no window is named"),
        ("{soak: 1h, success: value < 1}", "speak of the value of a query"),
        ("{prometheus: {url: 'http://x', query: up}}", "a query needs a condition"),
        ("{prometheus: {url: 'http://x', query: up}, success: up}", "no condition"),
        ("{prometheus: {url: 'file:///x', query: up}, success: value < 1}", "no URL"),
        ("{http: {url: 'http://me:x@host'}}", "credentials do not belong into Git"),
        ("{http: {url: 'http://x', expectStatus: [99]}}", "allowed at least 100"),
        ("{job: {manifest: {kind: Pod}}}", "the manifest is no Job"),
    ],
)
def test_gates_that_are_refused(spec: str, refusal: str) -> None:
    [found] = problems(document("Gate", "g", spec))
    assert refusal in found
