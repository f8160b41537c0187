"""Reads what servers answer that are not ours, within bounds."""

from __future__ import annotations

import aiohttp
import orjson

ANSWER_MAX_BYTES = 8 * 2**20


async def read_json(response: aiohttp.ClientResponse) -> object:
    """Read a JSON answer of at most `ANSWER_MAX_BYTES`, however deep it is; None: it is empty.

    Raises:
        ValueError: it is none, or larger.
        aiohttp.ClientError: it broke off.
    """
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise ValueError(f"the answer has more than {ANSWER_MAX_BYTES:,} bytes")
    if not body:
        return None
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        raise ValueError(f"the answer (HTTP {response.status}) is no JSON") from None
