"""What the forum holds at each timestamp, by the answers that its clients were given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

NOBODY = "nobody"


@dataclass(frozen=True)
class Post:
    """One post; its text is its name."""

    list_name: str
    author: str
    text: str
    likes: int


State = dict[str, Post]
"""Posts by text, in order of creation."""


@dataclass(frozen=True)
class Effect:
    """A mutation that succeeded: what was asked, and the answer with its timestamp."""

    timestamp: int
    path: str
    args: Mapping[str, Any]
    result: Any


def query_result(state: State, path: str, args: Mapping[str, Any], caller: str) -> Any:
    """Return what a query of the forum must give to `caller`."""
    posts = list(state.values())
    match path:
        case "posts:inList":
            return [post.text for post in posts if post.list_name == args["listName"]]
        case "posts:mostLiked":
            listed = [post for post in posts if post.list_name == args["listName"]]
            listed.reverse()  # of equal likes the newest comes first, as the scan is descending
            listed.sort(key=lambda post: post.likes, reverse=True)
            return [[post.text, post.likes] for post in listed[: args["count"]]]
        case "posts:mine":
            return [caller, *(post.text for post in posts if post.author == caller)]
        case "posts:likesOf":
            post = state.get(args["text"])
            return None if post is None else post.likes
        case _:
            raise AssertionError(path)


def apply(state: State, effect: Effect) -> State:
    """Return the state after a mutation; fails if its answer does not fit the state before."""
    args, result = effect.args, effect.result
    match effect.path:
        case "posts:add":
            assert args["text"] not in state, f"{effect} took effect twice"
            post = Post(args["listName"], result, args["text"], 0)
            return {**state, post.text: post}
        case "posts:like":
            found = state.get(args["text"])
            assert result == (None if found is None else found.likes + 1), effect
            if found is None:
                return state
            liked = Post(found.list_name, found.author, found.text, found.likes + 1)
            return {**state, liked.text: liked}
        case "posts:remove":
            assert result == (args["text"] in state), effect
            return {text: post for text, post in state.items() if text != args["text"]}
        case _:
            raise AssertionError(effect)


class History:
    """The states between the effects, found again from the answers alone."""

    def __init__(self, effects: list[Effect]) -> None:
        self._timestamps: list[int] = [0]
        self._states: list[State] = [{}]
        for effect in sorted(effects, key=lambda effect: effect.timestamp):
            self._timestamps.append(effect.timestamp)
            self._states.append(apply(self._states[-1], effect))

    def at(self, timestamp: int) -> State:
        """Return the newest state that is not after `timestamp`."""
        low, high = 0, len(self._timestamps)
        while high - low > 1:
            middle = (low + high) // 2
            if self._timestamps[middle] <= timestamp:
                low = middle
            else:
                high = middle
        return self._states[low]

    @property
    def newest(self) -> int:
        """Return the timestamp of the last effect."""
        return self._timestamps[-1]
