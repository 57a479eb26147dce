"""Actions that do right and wrong."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import Counter
from contextvars import Context, ContextVar
from typing import Any

from functions.notes import add, labelled, logs, refuse

from realtime import (
    ActionCtx,
    ApplicationError,
    ConflictError,
    OverloadedError,
    QueryCtx,
    action,
    internal_action,
    internal_query,
    query,
)

held = asyncio.Event()
"""Set by `hold` when it waits."""
release = asyncio.Event()
"""Lets `hold` go on."""
cleaned_up: list[str] = []
"""What actions did when they were cancelled, and what became of tasks that outlived them."""
background: set[asyncio.Task[Any]] = set()
of_the_action: ContextVar[str] = ContextVar("of_the_action", default="unset")


@action
async def shout(ctx: ActionCtx, text: str, times: int = 1) -> str:
    """Await something that is not of the ctx, and return."""
    await asyncio.sleep(0)
    return text.upper() * times


@action
async def copy(ctx: ActionCtx, label: str, to: str) -> list[str]:
    """Read, write what was read, and read that."""
    for text in await ctx.run_query(labelled, label=label):
        await ctx.run_mutation(add, label=to, text=text)
    return await ctx.run_query("notes:labelled", {"label": to})


@action
async def pass_on_a_failure(ctx: ActionCtx, label: str) -> None:
    """Call a mutation that fails."""
    await ctx.run_mutation(refuse, label=label)


@action
async def pass_on_twice(ctx: ActionCtx, label: str) -> None:
    """Call an action that passes a failure on."""
    await ctx.run_action(pass_on_a_failure, label=label)


@action
async def catch(ctx: ActionCtx, label: str) -> list[Any]:
    """Catch what nested calls raise, and tell it."""
    caught: list[Any] = []
    try:
        await ctx.run_mutation(refuse, label=label)
    except ApplicationError as error:
        caught.append(error.data)
    for _ in range(2):
        try:
            await ctx.run_query(logs)
        except ValueError as error:
            caught.append(str(error))
    try:
        await ctx.run_query(labelled, {"label": 5})
    except Exception as error:
        caught.append(f"{type(error).__name__}: {str(error).splitlines()[0]}")
    try:
        await ctx.run_query("notes:add", {"label": label, "text": ""})
    except Exception as error:
        caught.append(f"{type(error).__name__}: {error}")
    try:
        await ctx.run_query("notes:unheardOf")
    except Exception as error:
        caught.append(f"{type(error).__name__}: {error}")
    return caught


@action
async def call_what_exits(ctx: ActionCtx) -> str:
    """Call a function that ends with more than an exception."""
    try:
        await ctx.run_query(exits)
    except RuntimeError as error:
        return str(error)
    return "nothing"


@query
async def exits(ctx: QueryCtx) -> None:
    """End the interpreter, if that were possible."""
    sys.exit(3)


@action
async def cancel_itself(ctx: ActionCtx) -> None:
    """Raise what stands for a cancellation."""
    raise asyncio.CancelledError


@action
async def hold(ctx: ActionCtx, label: str) -> list[str]:
    """Wait until the test says so, then write and read."""
    held.set()
    try:
        await release.wait()
    except asyncio.CancelledError:
        cleaned_up.append("hold")
        raise
    await ctx.run_mutation(add, label=label, text="after the wait")
    return await ctx.run_query(labelled, label=label)


@action
async def hold_on(ctx: ActionCtx) -> str:
    """Wait, and wait again when that is cancelled."""
    held.set()
    while not release.is_set():
        try:
            await release.wait()
        except asyncio.CancelledError:
            cleaned_up.append("passed over")
    return "at last"


@action
async def clean_up(ctx: ActionCtx, label: str) -> None:
    """Note in the database that it was cancelled."""
    try:
        held.set()
        await release.wait()
    finally:
        await ctx.run_mutation(add, label=label, text="cancelled")
        cleaned_up.append("noted")


@action
async def together(ctx: ActionCtx, label: str) -> list[list[str]]:
    """Write and read at the same time, after a first note."""
    await ctx.run_mutation(add, label=label, text="first")
    writes = [ctx.run_mutation(add, label=label, text=str(number)) for number in range(20)]
    reads = [_read(ctx, label) for _ in range(2)]
    results = await asyncio.gather(*writes, *reads)
    return [await ctx.run_query(labelled, label=label), *results[20:]]


async def _read(ctx: ActionCtx, label: str) -> list[str]:
    return await ctx.run_query(labelled, label=label)


@action
async def flood(ctx: ActionCtx, label: str, count: int) -> dict[str, int]:
    """Write more at once than may wait; return how each write ended."""
    writes = [ctx.run_mutation(add, label=label, text=str(number)) for number in range(count)]
    ends = await asyncio.gather(*writes, return_exceptions=True)
    return dict(Counter(type(end).__name__ for end in ends))


@action
async def who(ctx: ActionCtx) -> list[str | None]:
    """The caller, as an action, a query of it and an action of it see it."""
    user = await ctx.auth.get_user_identity()
    return [
        user and user.subject,
        await ctx.run_query(caller),
        *([] if user is None else await ctx.run_action(caller_by_action)),
    ]


@internal_query
async def caller(ctx: QueryCtx) -> str | None:
    """The caller's id at its provider."""
    user = await ctx.auth.get_user_identity()
    return user and user.subject


@internal_action
async def caller_by_action(ctx: ActionCtx) -> list[str | None]:
    """The same, in a list."""
    return [await ctx.run_query(caller)]


@action
async def set_a_variable(ctx: ActionCtx) -> list[str]:
    """Set a context variable, and return it as this action and a query of it see it."""
    of_the_action.set("set")
    return [of_the_action.get(), await ctx.run_query(see_the_variable)]


@query
async def see_the_variable(ctx: QueryCtx) -> str:
    """A context variable."""
    return of_the_action.get()


@action
async def log_all(ctx: ActionCtx) -> None:
    """Log around nested calls."""
    ctx.log("before")
    try:
        await ctx.run_query(logs)
    except ValueError:
        ctx.log.warn("between")
    await ctx.run_action(log_one)
    ctx.log("after")


@internal_action
async def log_one(ctx: ActionCtx) -> None:
    """Log one line."""
    ctx.log.info("inner")


@action
async def deep(ctx: ActionCtx, depth: int) -> None:
    """Call itself."""
    ctx.log(depth)
    await ctx.run_action("errands:deep", depth=depth + 1)


@action
async def use_the_database(ctx: ActionCtx) -> None:
    """Look for what an action does not have."""
    await ctx.db.get("x")  # type: ignore[attr-defined]


@action
async def forget_await(ctx: ActionCtx, label: str) -> None:
    """Create an operation and never await it."""
    ctx.run_mutation(add, label=label, text="lost")


@action
async def leave_a_task_behind(ctx: ActionCtx, label: str) -> None:
    """Return before a task that writes."""

    async def write() -> None:
        await release.wait()
        try:
            await ctx.run_mutation(add, label=label, text="too late")
        except Exception as error:
            cleaned_up.append(str(error))

    background.add(asyncio.create_task(write()))


@action
async def lend_its_ctx(ctx: ActionCtx) -> None:
    """Let code that is not its own await an operation."""
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def write() -> None:
        try:
            await ctx.run_mutation(add, label="lent", text="x")
        except Exception as error:
            cleaned_up.append(str(error))
        ended.set_result(None)

    def begin() -> None:
        background.add(asyncio.ensure_future(write()))

    asyncio.get_running_loop().call_soon(begin, context=Context())
    await ended


@action
async def block(ctx: ActionCtx) -> list[Any]:
    """Leave a call to a thread, and one that fails."""
    name = await ctx.run_blocking(lambda: threading.current_thread().name)
    parsed = await ctx.run_blocking(int, "ff", base=16)
    try:
        await ctx.run_blocking(int, "nonsense")
    except ValueError as error:
        return [name, parsed, str(error)]
    return [name, parsed, None]


@action
async def conflict(ctx: ActionCtx) -> None:
    """Report a conflict."""
    cleaned_up.append("ran")
    raise ConflictError("Somebody was faster")


@action
async def overload(ctx: ActionCtx) -> None:
    """Report that too much is to be done."""
    raise OverloadedError("Come back later")


@action
async def return_nonsense(ctx: ActionCtx) -> str:
    """Return something else than declared."""
    nonsense: Any = {"a": 5}
    return nonsense


@action
async def moments(ctx: ActionCtx) -> list[float]:
    """The time before and after a wait, and two random numbers."""
    before = ctx.now()
    held.set()
    await release.wait()
    return [before, ctx.now(), ctx.random.random(), ctx.random.random()]


@action
async def spin(ctx: ActionCtx) -> None:
    """Never await."""
    await asyncio.sleep(0)
    while True:
        pass


@action
async def spin_after_an_operation(ctx: ActionCtx) -> None:
    """Never await again."""
    await ctx.run_query(labelled, label="a")
    while True:
        pass


@action
async def spin_in_tasks(ctx: ActionCtx) -> None:
    """Let one of two tasks never await."""

    async def task(is_endless: bool) -> None:
        await asyncio.sleep(0)
        while is_endless:
            pass

    await asyncio.gather(task(False), task(True))


@action
async def spin_and_pass_over(ctx: ActionCtx) -> None:
    """Never await, and pass over being stopped once."""
    try:
        while True:
            pass
    except BaseException:
        await release.wait()


@action
async def spin_inside(ctx: ActionCtx) -> str:
    """Call an action that never awaits, and go on when it fails."""
    try:
        await ctx.run_action(spin)
    except Exception:
        await release.wait()
    return "went on"
