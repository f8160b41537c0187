"""What a process runs that writes until it is killed; its words are ADDRESS KEY.

It prints `opening`, then a number whenever everything with this number is stored.  Number n is
two events, a content and a set of its own, an intended and a confirmed object, a command, and a
snapshot that names n.
"""

from __future__ import annotations

import asyncio
import sys
from itertools import count
from pathlib import Path

from clusters.model import ClusterName, Digest, digest_of
from fleet.store.model import AppliedChange, Batch
from fleet.store.store import Store
from tests.fleet.store.places import applied, draft

CLUSTER = ClusterName("eu-1")
WRITERS = 4


def body(number: int) -> bytes:
    return f"content {number}".encode()


def set_name(number: int) -> Digest:
    return digest_of(f"set {number}".encode())


def batch(number: int) -> Batch:
    content = digest_of(body(number))
    return Batch(
        events=[draft(number), draft(number, kind="Second")],
        contents={content: body(number)},
        sets={set_name(number): (content,)},
        applied={CLUSTER: AppliedChange(upserts=[applied(str(number))])},
        snapshot=str(number).encode(),
        commands={str(number): b"done"},
    )


async def write(store: Store, numbers: count[int]) -> None:
    while True:
        number = next(numbers)
        await store.commit(batch(number))
        await store.write_applied(CLUSTER, [applied(str(number), confirmed=True)])
        say(str(number))


def say(word: str) -> None:
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    address, key_file = sys.argv[1:]
    asyncio.run(write_on(address, key_file))


async def write_on(address: str, key_file: str) -> None:
    say("opening")
    async with await Store.open(address, key_file=Path(key_file)) as store:
        numbers = count(await store.last_seq() // 2)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(WRITERS):
                tasks.create_task(write(store, numbers))
