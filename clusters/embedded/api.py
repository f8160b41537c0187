"""One request to one cluster: from method, path and body to an answer.

Everything here is synchronous: a request sees and leaves the cluster whole.  Sockets, faults and
the choice of cluster are in `server`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from clusters.embedded import discovery, shaping, subresources
from clusters.embedded.access import REVIEWS, Attributes, User, authenticate, authorise
from clusters.embedded.changes import read_change
from clusters.embedded.cluster import EmbeddedCluster
from clusters.embedded.decoding import (
    APPLY_PATCH,
    check_kind,
    media_type,
    patch_types,
    read_object,
    repeated_fields,
)
from clusters.embedded.deleting import delete_options
from clusters.embedded.exchange import PAGE_NOT_FOUND, Answer, Call, json_answer, refusal
from clusters.embedded.kinds import DEPRECATED, NAMESPACES, Resource
from clusters.embedded.listing import list_page
from clusters.embedded.objects import Written
from clusters.embedded.representation import Form, form_of, render, render_list
from clusters.embedded.requests import (
    ResourcePath,
    WriteOptions,
    parse_path,
    verb_of,
    write_options,
)
from clusters.embedded.selectors import selection_of
from clusters.embedded.shaping import Source
from clusters.embedded.status import (
    ApiStatus,
    Cause,
    Details,
    bad_request,
    invalid,
    unsupported_media_type,
)
from clusters.embedded.storage import Stored
from clusters.embedded.watching import Watch, watch_options

_WATCH_SECONDS = (1800, 3600)
"""How long a watch lasts that sets no timeout, as the real server's min-request-timeout."""


def _no_such_resource() -> ApiStatus:
    return ApiStatus(
        404, "NotFound", "the server could not find the requested resource", details=Details()
    )


def _no_such_method() -> ApiStatus:
    return ApiStatus(
        405,
        "MethodNotAllowed",
        "the server does not allow this method on the requested resource",
        details=Details(),
    )


def answer(cluster: EmbeddedCluster, call: Call) -> Answer | Watch:
    """Answer a request; a watch has been started when it is returned."""
    try:
        return _answer(cluster, call)
    except ApiStatus as status:
        return refusal(status)


def _answer(cluster: EmbeddedCluster, call: Call) -> Answer | Watch:
    user = authenticate(call.headers, cluster.tokens)
    if not user.is_admin and call.parts[0:1] not in (["api"], ["apis"]):
        path_text = "/" + "/".join(call.parts)
        wanted = Attributes(verb=call.method.lower(), path=path_text)
        authorise(cluster.storage, user, wanted)
    found = discovery.answer(cluster, call.parts, call.accept)
    if found is not None:
        return found
    path = parse_path(call.parts)
    if path is None or not cluster.catalog.serves(path.group, path.version):
        return PAGE_NOT_FOUND
    resource = cluster.catalog.resource(path.group, path.version, path.plural)
    if resource is None:
        raise _no_such_resource()
    verb = verb_of(call.method, path, call.query)
    counted = f"dry-run {verb}" if "dryRun" in call.query else verb
    cluster.request_counts[counted] += 1
    inside = path.name if resource.storage_key == ("", "namespaces") else path.namespace
    cluster.namespace_counts[inside, counted] += 1
    if not user.is_admin:
        authorise(cluster.storage, user, _attributes(cluster, resource, path, verb))
        if _creates_by_apply(cluster, resource, path, call):
            authorise(cluster.storage, user, _attributes(cluster, resource, path, "create"))
    _check_served(resource, path, verb)
    if resource.plural in REVIEWS and resource.verbs == ("create",):
        return _review(cluster, user, resource, path, call)
    if path.subresource and path.subresource not in _PLAIN_SUBRESOURCES:
        return subresources.answer(cluster, resource, path, call, verb)
    answered = _VERBS[verb](cluster, resource, path, call)
    warning = DEPRECATED.get(resource.storage_key)
    if warning is not None and isinstance(answered, Answer):
        return replace(answered, warnings=(warning, *answered.warnings))
    return answered


_PLAIN_SUBRESOURCES = ("status", "finalize", "approval", "ephemeralcontainers", "resize")
"""Paths that read and write the object itself."""


def _attributes(
    cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, verb: str
) -> Attributes:
    namespace = path.namespace
    if resource is NAMESPACES:
        namespace = path.name
    return Attributes(
        verb=verb,
        group=resource.group,
        plural=resource.plural,
        subresource=path.subresource,
        namespace=namespace,
        name=path.name if verb != "create" or path.subresource else "",
    )


def _creates_by_apply(
    cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call
) -> bool:
    if call.method != "PATCH" or path.subresource:
        return False
    if media_type(call.content_type) != APPLY_PATCH:
        return False
    return cluster.storage.get(resource.storage_key, path.key) is None


def _review(
    cluster: EmbeddedCluster, user: User, resource: Resource, path: ResourcePath, call: Call
) -> Answer:
    body = read_object(call.body, call.content_type)
    check_kind(resource, body)
    schema = cluster.catalog.schema_of(resource)
    body, _ = shaping.decode(resource, schema, body, Source.BODY, "Ignore")
    status = REVIEWS[resource.plural](cluster.storage, user, body, path.namespace)
    return json_answer({**body, "status": status}, 201)


def _check_served(resource: Resource, path: ResourcePath, verb: str) -> None:
    if path.subresource:
        below = resource.subresources.get(path.subresource)
        if below is None or not path.name:
            raise _no_such_resource()
        verbs: tuple[str, ...] = below.verbs
    else:
        verbs = resource.verbs
    if resource.namespaced and not path.namespace and verb not in ("list", "watch"):
        raise _no_such_method() if not path.name else _no_such_resource()
    if not resource.namespaced and path.namespace:
        raise _no_such_resource()
    if verb not in verbs or (path.name and verb == "create" and not path.subresource):
        raise _no_such_method()
    if not path.name and verb in ("update", "patch", "delete", "get"):
        raise _no_such_method()


def _get(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    form = form_of(call.accept)
    stored = cluster.objects.get(resource, path)
    return Answer(200, render(resource, form, stored, call.query.get("includeObject", "")))


def _list(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    form = form_of(call.accept)
    selection = selection_of(resource, path.namespace, call.query)
    shelf = cluster.storage.shelf(resource.storage_key)
    page = list_page(cluster.storage, shelf, selection, call.query)
    include = call.query.get("includeObject", "")
    return Answer(200, render_list(resource, form, page, include))


def _watch(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Watch:
    form = form_of(call.accept)
    selection = selection_of(resource, path.namespace, call.query, name=path.name)
    options = watch_options(call.query, timeout_s=random.uniform(*_WATCH_SECONDS))

    include = call.query.get("includeObject", "")

    def shown(stored: Stored) -> bytes:
        return render(resource, form, stored, include)

    watch = Watch(cluster.storage, resource, selection, options, render=shown)
    watch.start()
    return watch


def _sent(
    resource: Resource, call: Call, options: WriteOptions
) -> tuple[dict[str, Any], Sequence[str]]:
    """Read the object of a request, and warn of fields that it sets twice."""
    body = read_object(call.body, call.content_type)
    if options.field_validation == "Ignore":
        return body, ()
    repeated = repeated_fields(call.body, body, call.content_type)
    if repeated and options.field_validation == "Strict":
        raise bad_request(
            f'{resource.kind} in version "{resource.version}" cannot be handled as a '
            f"{resource.kind}: strict decoding error: {', '.join(repeated)}"
        )
    return body, repeated


def _written(
    resource: Resource, form: Form, written: Written, warnings: Sequence[str] = ()
) -> Answer:
    return Answer(
        201 if written.created else 200,
        render(resource, form, written.stored),
        warnings=(*warnings, *written.warnings),
    )


def _create(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    form = form_of(call.accept)
    options = write_options(call.query, "create", call.agent)
    body, repeated = _sent(resource, call, options)
    written = cluster.objects.create(resource, path, body, options)
    return _written(resource, form, written, repeated)


def _update(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    form = form_of(call.accept)
    options = write_options(call.query, "update", call.agent)
    body, repeated = _sent(resource, call, options)
    written = cluster.objects.update(resource, path, body, options)
    return _written(resource, form, written, repeated)


def _patch(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    form = form_of(call.accept)
    kind = media_type(call.content_type)
    if kind not in patch_types(resource):
        raise unsupported_media_type(patch_types(resource))
    options = write_options(call.query, "patch", call.agent)
    if kind == APPLY_PATCH:
        if not call.query.get("fieldManager"):
            raise _no_manager()
        body = read_object(call.body, kind)
        return _written(resource, form, cluster.objects.apply(resource, path, body, options))
    change = read_change(call.body, kind, cluster.catalog.schema_of(resource))
    return _written(resource, form, cluster.objects.patch(resource, path, change, options))


def _no_manager() -> ApiStatus:
    cause = Cause(
        "FieldValueRequired", "Required value: is required for apply patch", "fieldManager"
    )
    return invalid("PatchOptions", "", [cause], group="meta.k8s.io")


def _delete(cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call) -> Answer:
    options = delete_options(_options_body(call), call.query)
    live = cluster.objects.get(resource, path)
    return Answer(200, cluster.deleter.delete(resource, live, options).answer)


def _delete_collection(
    cluster: EmbeddedCluster, resource: Resource, path: ResourcePath, call: Call
) -> Answer:
    form = form_of(call.accept)
    options = delete_options(_options_body(call), call.query)
    selection = selection_of(resource, path.namespace, call.query)
    shelf = cluster.storage.shelf(resource.storage_key)
    page = list_page(cluster.storage, shelf, selection, call.query)
    for stored in page.items:
        live = cluster.storage.get(resource.storage_key, stored.key)
        if live is not None:  # a page may show a moment that is past
            cluster.deleter.delete(resource, live, options)
    return Answer(200, render_list(resource, form, page))


def _options_body(call: Call) -> dict[str, Any] | None:
    return read_object(call.body, call.content_type) if call.body else None


_VERBS: Mapping[str, Callable[[EmbeddedCluster, Resource, ResourcePath, Call], Answer | Watch]] = {
    "get": _get,
    "list": _list,
    "watch": _watch,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
