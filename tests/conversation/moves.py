"""What clients do next, by a seeded source of randomness."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from tests.conversation.client import ConversationClient
from tests.conversation.model import NOBODY

USERS = ("ada", "ben")
LISTS = ("a", "b")
_MAX_QUERIES = 8
_MAX_POSTS = 30
_WEIGHTS = {"mutate": 12.0, "add": 3.0, "remove": 2.0, "become": 1.0, "drop": 0.5}
_CATCH_UP_SHARE = 0.1

Call = tuple[str, Mapping[str, Any]]


class Moves:
    """Chooses moves and makes them; also keeps the names of posts that may exist."""

    def __init__(self, clients: list[ConversationClient], seed: int) -> None:
        self._clients = clients
        self._random = Random(seed)
        self._posts: list[str] = []
        self._post_count = 0
        self.counts = dict.fromkeys((*_WEIGHTS, "resume"), 0)
        """How often each move was made."""

    async def make_one(self) -> None:
        """Let some client do something; now and then wait until the server has read it."""
        client = self._random.choice(self._clients)
        move = self._next_move(client)
        self.counts[move] += 1
        match move:
            case "resume":
                await client.connect()
            case "add":
                await client.add_query(*self._query())
            case "remove":
                await client.remove_query(self._random.choice(list(client.queries)))
            case "become":
                await client.become(self._random.choice((NOBODY, *USERS)))
            case "drop":
                await client.drop()
            case _:
                await client.mutate(*self._mutation())
        if client.is_connected and self._random.random() < _CATCH_UP_SHARE:
            await client.catch_up()

    def _next_move(self, client: ConversationClient) -> str:
        if not client.is_connected:
            return "resume"
        [move] = self._random.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        if move == "add" and len(client.queries) >= _MAX_QUERIES:
            return "remove"
        if move == "remove" and not client.queries:
            return "add"
        return move

    def _query(self) -> Call:
        list_name = self._random.choice(LISTS)
        calls: tuple[Call, ...] = (
            ("posts:inList", {"listName": list_name}),
            ("posts:mostLiked", {"listName": list_name, "count": self._random.randint(1, 5)}),
            ("posts:mine", {}),
            ("posts:likesOf", {"text": self._some_post()}),
        )
        return self._random.choice(calls)

    def _mutation(self) -> Call:
        kind = self._random.choice(("add", "like", "like", "remove", "refuse"))
        if kind == "add" and len(self._posts) >= _MAX_POSTS:
            kind = "remove"
        match kind:
            case "like":
                return "posts:like", {"text": self._some_post()}
            case "remove":
                text = self._some_post()
                self._posts = [post for post in self._posts if post != text]
                return "posts:remove", {"text": text}
            case _:
                self._post_count += 1
                text = f"post {self._post_count}"
                if kind == "add":
                    self._posts.append(text)
                return f"posts:{kind}", {"listName": self._random.choice(LISTS), "text": text}

    def _some_post(self) -> str:
        return self._random.choice(self._posts) if self._posts else "no post"
