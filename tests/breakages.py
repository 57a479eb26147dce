# ruff: noqa: E501  (lines of the source are quoted whole)
"""Breaks each promise by one line of our own code and sees that a test notices.

    python -m tests.breakages [NAME …]

Works on a copy of the tree, one at a time. A breakage that no test notices is a promise that
nothing keeps; one whose line is gone must be written anew. Exit code 1 if there is any of either.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
_COPIED = ("realtime", "tests", "bench", "functions", "web", "schema.py", "pyproject.toml")
_SECONDS = 300


@dataclass(frozen=True)
class Breakage:
    """One line exchanged for a wrong one, and the tests that must not let it pass."""

    name: str
    file: str
    line: str
    wrong: str
    tests: str


BREAKAGES: tuple[Breakage, ...] = (
    Breakage(
        "a new front end is made without its types",
        "realtime/cli/init.py",
        "    generated = write_files(types, typescript_files(load_app(folder)))\n",
        "    generated: list[Path] = []\n",
        "tests/acceptance/test_commands.py",
    ),
    Breakage(
        "the list of tables misses a new one",
        "realtime/database/transaction.py",
        "        whole.reach_end()\n",
        "",
        "tests/unit/server/test_system_functions.py",
    ),
    Breakage(
        "a generated method hides the type `list`",
        "realtime/codegen/python_client.py",
        '    return f"{plain}_" if keyword.iskeyword(plain) or plain in HIDING else plain\n',
        "    return plain\n",
        "tests/unit/codegen/test_python_client.py",
    ),
    Breakage(
        "a type checker lets an index range skip a field",
        "realtime/codegen/table_stubs.py",
        '            *(f"{field}: {self._type(field)}" for field in given),\n',
        '            *(f"{field}: {self._type(field)} = ..." for field in given),\n',
        "tests/typing/test_schema_stubs.py",
    ),
    Breakage(
        "a type checker objects to the removal of a field with a default",
        "realtime/codegen/schema_stubs.py",
        '                types[name] = f"{written} | _Unset" if is_removable else written\n',
        "                types[name] = written\n",
        "tests/typing/test_schema_stubs.py",
    ),
    Breakage(
        "a docstring ends the comment that holds it",
        "realtime/codegen/typescript_types.py",
        '    cleaned = inspect.cleandoc(text or "").replace("*/", "*\\\\/")\n',
        '    cleaned = inspect.cleandoc(text or "")\n',
        "tests/unit/codegen",
    ),
    Breakage(
        "generated types depend on the order of definitions",
        "realtime/codegen/spec.py",
        "    return [functions[path] for path in sorted(functions) if not path.startswith(SYSTEM_FOLDER)]\n",
        "    return [functions[path] for path in functions if not path.startswith(SYSTEM_FOLDER)]\n",
        "tests/unit/codegen",
    ),
    Breakage(
        "a front end may call internal functions",
        "realtime/codegen/typescript.py",
        '    public = _tree(function_tree(f for f in functions if not f.is_internal), writer, "")\n',
        '    public = _tree(function_tree(functions), writer, "")\n',
        "tests/unit/codegen",
    ),
    Breakage(
        "a library that misses its task speaks for itself",
        "realtime/runtime/function_run.py",
        "                        raise HandlerFailure(foreign or error) from error\n",
        "                        raise HandlerFailure(error) from error\n",
        "tests/integration/runtime/test_foreign_await.py",
    ),
    Breakage(
        "a redacted error tells its text",
        "realtime/runtime/error_texts.py",
        '        return ClientError(head if self.redact_errors else f"{head}\\n{text}\\n", data)\n',
        '        return ClientError(f"{head}\\n{text}\\n", data)\n',
        "tests/integration/runtime/test_call_errors.py",
    ),
    Breakage(
        "a result that does not fit is given and its writes kept",
        "realtime/runtime/result_encoding.py",
        "            validator.check(value, tables)\n",
        "            pass\n",
        "tests/integration/runtime/test_call_results.py",
    ),
    Breakage(
        "arguments have no limits",
        "realtime/runtime/function_runner.py",
        "            check_value_limits(value)\n",
        "            pass\n",
        "tests/integration/runtime/test_call_arguments.py",
    ),
    Breakage(
        "a text that is no Unicode is sent",
        "realtime/values/display.py",
        '    return text if text.isascii() else text.encode(errors="backslashreplace").decode()\n',
        "    return text\n",
        "tests/integration/runtime/test_hostile_functions.py",
    ),
    Breakage(
        "an app sees the modules of another",
        "realtime/runtime/registry.py",
        "    _open_functions_package(root)\n",
        "",
        "tests/integration/runtime/test_loading.py",
    ),
    Breakage(
        "a clock that jumps back takes timestamps along",
        "realtime/database/committer.py",
        "Timestamp(max(self._last_timestamp + 1, self._clock.now_ns()))",
        "Timestamp(self._clock.now_ns())",
        "tests/unit/database/test_committer.py",
    ),
    Breakage(
        "a mutation does not see its predecessors",
        "realtime/database/database.py",
        "            Snapshot(self._persistence.engine),\n",
        "            Snapshot(self.generations.current.reader),\n",
        "tests/unit/runtime/test_mutation_lane.py",
    ),
    Breakage(
        "a commit does not wait for the disk",
        "realtime/storage/sqlite_file.py",
        '    "synchronous = FULL",\n',
        '    "synchronous = NORMAL",\n',
        "tests/unit/storage/test_sqlite.py",
    ),
    Breakage(
        "the time of a client goes back",
        "realtime/sync/session.py",
        "        if timestamp < newest:\n",
        "        if False:\n",
        "tests/unit/sync/test_session_updates.py",
    ),
    Breakage(
        "an unchanged result is sent again",
        "realtime/sync/query_set.py",
        "            if comparable != query.sent:\n",
        "            if True:\n",
        "tests/unit/sync/test_query_set.py",
    ),
    Breakage(
        "a session may queue without end",
        "realtime/runtime/session_queue.py",
        "            queue is not None and len(queue) >= MAX_WAITING_PER_SESSION\n",
        "            False\n",
        "tests/unit/runtime/test_session_queue.py",
    ),
    Breakage(
        "clients that read slowly are kept whatever they hold",
        "realtime/server/unsent_budget.py",
        "        if self._open_bytes > self._total_limit_bytes:\n",
        "        if False:\n",
        "tests/unit/server/test_unsent_budget.py",
    ),
    Breakage(
        "the views of the file show another index",
        "realtime/storage/sqlite_views.py",
        '        f" WHERE e.index_id = {view.index_id}"\n',
        '        f" WHERE e.index_id > {view.index_id}"\n',
        "tests/unit/storage/test_sqlite_views.py",
    ),
    Breakage(
        "rows of a refused batch stay",
        "realtime/runtime/mutation_lane.py",
        "            self._database.committer.roll_back()\n            if not members:",
        "            if not members:",
        "tests/unit/runtime/test_mutation_lane.py",
    ),
    Breakage(
        "a long scan keeps the loop",
        "realtime/runtime/table_query.py",
        "                    yield SUSPEND\n",
        "                    pass\n",
        "tests/unit/runtime/test_query_lane.py",
    ),
    Breakage(
        "the memory store shows what is not committed",
        "realtime/storage/memory.py",
        "        generation = MemoryGeneration(self, self._committed, newest, self._generations.discard)\n",
        "        generation = MemoryGeneration(self, self._committed + 1, newest, self._generations.discard)\n",
        "tests/unit/storage tests/integration/runtime/test_backend.py",
    ),
    Breakage(
        "a public client gets another query's result",
        "realtime/runtime/resolved_calls.py",
        "        return self.function.path, self.encoded_args, journal, None\n",
        '        return self.function.path, b"", journal, None\n',
        "tests/clients/test_python_client.py",
    ),
    Breakage(
        "a report leaves the unpinned half out",
        "bench/tables.py",
        '    return " / ".join(number(value, digits) for value in values)\n',
        "    return number(next(iter(values)), digits)\n",
        "tests/unit/bench/test_figures.py",
    ),
    Breakage(
        "a cursor of the storage stays open",
        "realtime/storage/sqlite_file.py",
        "    return connection.execute(sql, parameters).fetchall()\n",
        "    return list(connection.execute(sql, parameters))\n",
        "tests/unit/storage/test_cursor_rule.py",
    ),
    Breakage(
        "a line that a breakage is about goes",
        "realtime/values/index_key.py",
        "~bits if bits < 0 else bits - _SIGN",
        "bits - _SIGN if bits >= 0 else ~bits",
        "tests/test_breakages.py",
    ),
    Breakage(
        "an answer before the sync",
        "realtime/runtime/batch_run.py",
        "        await group_commit.make_durable(is_alone=len(self._unanswered) == 1)\n",
        "        group_commit.answer(self._unanswered)\n        await group_commit.make_durable(is_alone=False)\n",
        "tests/integration/runtime",
    ),
    Breakage(
        "a re-send runs twice",
        "realtime/runtime/batch_run.py",
        "        job.record = self._stored_answer(job)\n",
        "        job.record = None\n",
        "tests/integration/runtime",
    ),
    Breakage(
        "a failed nested call keeps its writes",
        "realtime/runtime/function_run.py",
        "                write_set.roll_back_to(mark)\n",
        "                pass\n",
        "tests/properties/test_live_results.py",
    ),
    Breakage(
        "a read ends before its last document",
        "realtime/database/read_set.py",
        "        return interval._replace(upper=key_successor(reached))\n",
        "        return interval._replace(upper=reached)\n",
        "tests/properties/test_live_results.py tests/unit/database/test_read_set.py",
    ),
    Breakage(
        "the absence of more is not read",
        "realtime/database/scan.py",
        "            self._range.reach_end()\n",
        "            pass\n",
        "tests/properties/test_live_results.py tests/unit/database/test_scan.py",
    ),
    Breakage(
        "a write is not looked up under the shortest prefix",
        "realtime/database/subscriptions.py",
        "            for length in prefix_lengths:\n",
        "            for length in prefix_lengths[1:]:\n",
        "tests/unit/database/test_subscriptions.py tests/properties/test_subscriptions.py",
    ),
    Breakage(
        "the hot cache keeps what was deleted",
        "realtime/database/hot_cache.py",
        "                del entry.keys[bisect_left(entry.keys, key)]\n",
        "                entry.records[key] = old\n",
        "tests/unit/database/test_hot_cache.py",
    ),
    Breakage(
        "results of one update are of different times",
        "realtime/runtime/query_evaluator.py",
        "            entry = self._cache.find(key, identity, holder.generation.timestamp, now)\n",
        "            entry = self._cache.find(key, identity, self._database.durable, now)\n",
        "tests/properties/test_live_results.py",
    ),
    Breakage(
        "a stale result is not announced",
        "realtime/runtime/watched_results.py",
        "            for client, query_id in list(entry.watchers):\n                tell_stale(client, query_id)\n",
        "            for client, query_id in list(entry.watchers):\n                pass\n",
        "tests/properties/test_live_results.py",
    ),
    Breakage(
        "a live page forgets where it ends",
        "realtime/runtime/query_evaluator.py",
        "            journal=key[2],\n",
        "            journal=None,\n",
        "tests/properties/test_pages.py",
    ),
    Breakage(
        "a page begins with the last row of the one before",
        "realtime/database/interval.py",
        "            floor = None if after is None else key_successor(after)\n",
        "            floor = after\n",
        "tests/properties/test_pages.py",
    ),
    Breakage(
        "a page that lacks documents moves its end",
        "realtime/runtime/page_reader.py",
        "        if end is None:\n            end = Cursor(span.fingerprint, None if reason",
        '        if end is None or reason == "limit":\n            end = Cursor(span.fingerprint, None if reason',
        "tests/properties/test_pages.py",
    ),
    Breakage(
        "what is behind the limit of a page is not read",
        "realtime/database/scan.py",
        "            self._range.reach(row[0])\n        return row\n",
        "            pass\n        return row\n",
        "tests/unit/runtime/pages",
    ),
    Breakage(
        "a failed run loses the place of its page",
        "realtime/runtime/function_runner.py",
        "                return self._report(run, None, self.failure(call, error), journal, cause)\n",
        "                return self._report(run, None, self.failure(call, error), None, cause)\n",
        "tests/unit/runtime/pages",
    ),
    Breakage(
        "a changed cursor is taken",
        "realtime/runtime/cursor.py",
        "        if cursor is None or not compare_digest(\n",
        "        if cursor is None or not (lambda *_: True)(\n",
        "tests/unit/runtime/test_cursor.py",
    ),
    Breakage(
        "the cursor of another query is taken",
        "realtime/runtime/page_reader.py",
        "    if cursor.fingerprint != fingerprint:\n",
        "    if False:\n",
        "tests/unit/runtime/pages",
    ),
    Breakage(
        "a shared query runs for each subscriber",
        "realtime/runtime/query_cache.py",
        "        if entry is None or not entry.covers(timestamp):\n",
        "        if entry is None or entry.watchers or not entry.covers(timestamp):\n",
        "tests/acceptance/test_invalidation.py",
    ),
    Breakage(
        "a token with any signature is taken",
        "realtime/server/auth/key_set.py",
        "        return False\n    return True\n",
        "        return True\n    return True\n",
        "tests/unit/server/auth/test_token_validator.py",
    ),
    Breakage(
        "a token is good for ever on a socket",
        "realtime/server/sync_worker.py",
        "        return end is not None and self._services.clock.now_ns() >= end\n",
        "        return False\n",
        "tests/unit/server/test_sync_worker_tokens.py",
    ),
    Breakage(
        "messages do not wait for the token before them",
        "realtime/sync/session.py",
        "        if not self.is_authenticating:\n            self._process_message(message, server_time_ns)\n            return\n",
        "        if True:\n            self._process_message(message, server_time_ns)\n            return\n",
        "tests/unit/server/test_sync_worker_tokens.py",
    ),
    Breakage(
        "results of the identity before stay after a change",
        "realtime/sync/session.py",
        "        self._queries.invalidate_all()\n",
        "        pass\n",
        "tests/integration/server/test_identity_changes.py",
    ),
    Breakage(
        "one identity gets what another one saw",
        "realtime/runtime/query_evaluator.py",
        "        if report.is_identity_dependent:\n",
        "        if False:\n",
        "tests/integration/runtime/test_identity.py",
    ),
    Breakage(
        "a batch that was refused is not repeated",
        "realtime/runtime/mutation_lane.py",
        "            for job in members:\n                await self._run_alone(job)\n",
        "            for job in members:\n                self.reject(job, OverloadedError('refused'))\n",
        "tests/integration/runtime",
    ),
    Breakage(
        "a write by another program goes unnoticed",
        "realtime/storage/sqlite_engine.py",
        "        if self._is_foreign_write_seen:\n",
        "        if False:\n",
        "tests/integration/runtime/test_storage_failures.py",
    ),
    Breakage(
        "a snapshot of another program's revision is served",
        "realtime/storage/sqlite_reader.py",
        "        if newest != expected_timestamp:\n",
        "        if False:\n",
        "tests/integration/runtime/test_storage_failures.py",
    ),
    Breakage(
        "answers are kept by age alone",
        "realtime/storage/sqlite_requests.py",
        "        is_too_large = self._size_bytes > keep_bytes\n",
        "        is_too_large = False\n",
        "tests/unit/storage/test_persistence.py",
    ),
    Breakage(
        "what a failed transaction recorded counts",
        "realtime/storage/sqlite_requests.py",
        "        self._size_bytes = self._committed_bytes\n\n    def commit",
        "        pass\n\n    def commit",
        "tests/unit/storage/test_persistence.py",
    ),
    Breakage(
        "a server at rest keeps its log",
        "realtime/runtime/mutation_lane.py",
        "                    await self._group_commit.checkpoints.when_idle()\n",
        "                    pass\n",
        "tests/integration/runtime/test_storage_failures.py",
    ),
    Breakage(
        "a server at rest shows what another program wrote",
        "realtime/runtime/checkpoints.py",
        "        if self._persistence.foreign_write_seen():  # readers would see it from here on\n",
        "        if False:\n",
        "tests/integration/runtime/test_storage_failures.py",
    ),
    Breakage(
        "runaway queries do not stand back for mutations",
        "realtime/runtime/query_lane.py",
        "        await self._mutations.caught_up()\n",
        "",
        "tests/unit/runtime/test_backlog.py",
    ),
    Breakage(
        "runaway mutations do not stand back for queries",
        "realtime/runtime/mutation_lane.py",
        "        await self._queries.caught_up()\n",
        "        await asyncio.sleep(0)\n",
        "tests/unit/runtime/test_backlog.py",
    ),
    Breakage(
        "a slow query does not rest",
        "realtime/runtime/live_queries.py",
        "                self._rests.wait(client, until_seconds)\n                return None\n",
        "                pass\n",
        "tests/unit/runtime/test_live_queries.py",
    ),
    Breakage(
        "an update that starts again leaves out what became stale",
        "realtime/runtime/live_queries.py",
        "                    queries = client.restart_update()\n",
        "                    pass\n",
        "tests/unit/runtime/test_live_queries.py",
    ),
    Breakage(
        "a write goes into a new index that has not come to it",
        "realtime/database/catalog.py",
        "        if self.filled_to <= key < self.filled_from:\n",
        "        if False:\n",
        "tests/properties/test_schema_changes.py",
    ),
    Breakage(
        "a document that is newer than a pending schema is left out",
        "realtime/database/catalog.py",
        "        if self.filled_to <= key < self.filled_from:\n",
        "        if self.filled_to <= key:\n",
        "tests/properties/test_schema_changes.py",
    ),
    Breakage(
        "a start keeps what a change of the schema left behind",
        "realtime/database/schema_start.py",
        "        _clear(change, batch)  # first: the ids of what was left behind are given out again\n",
        "        pass\n",
        "tests/unit/database/test_schema_change.py",
    ),
    Breakage(
        "a start keeps what a killed schema change has left",
        "realtime/database/schema_start.py",
        "    batch = Batch(catalog.with_dropped_indexes(found.unlisted_indexes), timestamp)\n",
        "    batch = Batch(catalog, timestamp)\n",
        "tests/acceptance/test_killed_schema_change.py",
    ),
    Breakage(
        "a call that is asked for again and again is forgotten first",
        "realtime/runtime/resolved_calls.py",
        "            self._kept.move_to_end(slot)\n",
        "",
        "tests/unit/runtime/test_resolved_calls.py",
    ),
    Breakage(
        "a write that does not fit a pending schema goes unseen",
        "realtime/database/committer.py",
        "        if batch.catalog.pending is not None:\n",
        "        if False:\n",
        "tests/unit/database/test_schema_change.py",
    ),
    Breakage(
        "results of older code are served",
        "realtime/runtime/live_queries.py",
        "        self._cache.invalidate_all()\n",
        "        pass\n",
        "tests/integration/runtime/test_app_change.py",
    ),
    Breakage(
        "an old snapshot is read by new code",
        "realtime/runtime/code_versions.py",
        "        if timestamp >= self.current.since:\n",
        "        if True:\n",
        "tests/integration/runtime/test_app_change.py",
    ),
    Breakage(
        "an update of older code is not followed by another",
        "realtime/runtime/watched_results.py",
        "            if is_older_code or (entry",
        "            if False or (entry",
        "tests/integration/runtime/test_app_change.py",
    ),
    Breakage(
        "a change of the app that fails is not taken back",
        "realtime/runtime/app_change.py",
        "            await self._abandon(change)\n",
        "            pass\n",
        "tests/integration/runtime/test_app_change.py",
    ),
    Breakage(
        "a file that cannot be loaded ends the following of files",
        "realtime/cli/reload.py",
        "        except RealtimeError as error:\n",
        "        except NameError as error:\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a load that failed leaves its modules to be imported",
        "realtime/cli/reload.py",
        "            before.make_importable()\n",
        "            pass\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "the second of two saves within a second is not seen",
        "realtime/cli/reload.py",
        "            forget_bytecode(changed)\n",
        "            pass\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a save does not run live queries again",
        "realtime/runtime/lanes.py",
        "        self.live.change_code(runner)\n",
        "        pass\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a save closes sockets",
        "realtime/server/application.py",
        "        await self.backend.change_app(app)\n",
        '        await self.backend.change_app(app)\n        self.sockets.close_all(CloseCode.GOING_AWAY, "")\n',
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a save does not wait for the commit under way",
        "realtime/runtime/backend.py",
        "            await change.run(app.schema, activate)\n",
        "            activate()\n            await change.run(app.schema, lambda: None)\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a schema that stored documents do not fit is told as served",
        "realtime/runtime/app_change.py",
        "            await self._abandon(change)\n            raise\n",
        "            await self._abandon(change)\n            return\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "a page that is made later is not served",
        "realtime/server/dev_pages.py",
        "        served = super().__call__ if self._folder.is_dir() else self._otherwise\n",
        "        served = self._otherwise\n",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "generated files of somebody else are written over",
        "realtime/cli/generated_files.py",
        "                if is_asked_for or any(is_generated(folder / name) for name in files):\n",
        "                if True:\n",
        "tests/unit/cli/test_generated_files.py",
    ),
    Breakage(
        "files that cannot be generated end the following of files",
        "realtime/cli/generated_files.py",
        "        except (OSError, RealtimeError) as error:\n            return NotGenerated(_reason(error))\n        except Exception as error:",
        "        except LookupError as error:",
        "tests/integration/server/test_reload.py",
    ),
    Breakage(
        "what functions print stands among the events",
        "realtime/cli/display.py",
        "        with redirect_stdout(sys.stderr):\n",
        "        with redirect_stdout(output):\n",
        "tests/unit/cli/test_display.py",
    ),
    Breakage(
        "the command line waits for the engine",
        "realtime/__init__.py",
        "from importlib import import_module\n",
        "from importlib import import_module\n\nimport realtime.runtime.context\n",
        "tests/unit/cli/test_command_line.py",
    ),
    Breakage(
        "an endless handler is not stopped",
        "realtime/runtime/watchdog.py",
        "                _set_async_exception(self._thread_id, FunctionStopped)\n",
        "                pass\n",
        "tests/acceptance/test_runaway.py",
    ),
    Breakage(
        "the commit thread is not given the lock",
        "realtime/database/commit_thread.py",
        "        if self.is_busy and self._finished.acquire(timeout=_GIVE_WAY_SECONDS):\n",
        "        if False and self._finished.acquire(timeout=_GIVE_WAY_SECONDS):\n",
        "tests/unit/database/test_commit_thread.py",
    ),
    Breakage(
        "the log is not begun anew after a checkpoint",
        "realtime/database/generations.py",
        "        if is_complete and not self.current.holders:\n",
        "        if False and not self.current.holders:\n",
        "tests/unit/database/test_generations.py",
    ),
    Breakage(
        "keys of negative numbers are not in order",
        "realtime/values/index_key.py",
        "~bits if bits < 0 else bits - _SIGN",
        "bits - _SIGN",
        "tests/unit/values/test_index_key.py",
    ),
    Breakage(
        "a flipped byte in a document goes unseen",
        "realtime/storage/sqlite_reader.py",
        "if document is None or crc32(document) != checksum:",
        "if document is None:",
        "tests/unit/storage/test_sqlite.py",
    ),
    Breakage(
        "a response follows the transition that covers it",
        "realtime/sync/session.py",
        "        messages, responses.encoded = responses.encoded, []\n        messages += transition\n        return messages\n",
        "        messages, responses.encoded = transition + responses.encoded, []\n        return messages\n",
        "tests/unit/sync",
    ),
    Breakage(
        "a response stands between two chunks",
        "realtime/sync/session.py",
        "        if self._transitions.is_between_chunks:\n            return self._next_chunk()\n",
        "",
        "tests/unit/sync/test_session_properties.py",
    ),
    Breakage(
        "a chunk ends inside a character",
        "realtime/sync/transition_chunks.py",
        "                cut -= 1\n",
        "                break\n",
        "tests/unit/sync/test_transition_chunks.py",
    ),
    Breakage(
        "a document that is new is seen in the past",
        "realtime/database/past_snapshot.py",
        "            part = [row for row in stored if row[1].locator not in self._images]\n",
        "            part = list(stored)\n",
        "tests/integration/runtime/test_past_queries.py",
    ),
    Breakage(
        "the past is what it was before the last change and not before the first",
        "realtime/database/history.py",
        "        for batch in reversed(self._batches):\n",
        "        for batch in self._batches:\n            if timestamp > batch.previous_timestamp:\n                continue\n",
        "tests/unit/database/test_history.py",
    ),
    Breakage(
        "a client that is gone keeps its socket",
        "realtime/server/sync_worker.py",
        "        if self._silent_checks >= MAX_SILENT_CHECKS:\n",
        "        if False:\n",
        "tests/unit/server/test_silent_clients.py",
    ),
    Breakage(
        "the past outlives the indexes of its keys",
        "realtime/database/database.py",
        "            self.history.forget_all()\n",
        "            pass\n",
        "tests/unit/database/test_history.py",
    ),
    Breakage(
        "a task of an action is not watched",
        "realtime/runtime/stretches.py",
        "        if stretches is not None:\n",
        "        if False:\n",
        "tests/unit/runtime/test_stretches.py",
    ),
    Breakage(
        "an operation is resumed under the watchdog",
        "realtime/runtime/stretches.py",
        "                self._is_counting = budget.is_counting\n",
        "                self._is_counting = True\n",
        "tests/unit/runtime/test_stretches.py",
    ),
    Breakage(
        "a stop does not wait for actions",
        "realtime/runtime/action_lane.py",
        "        await self._wait(wait_seconds)\n",
        "        pass\n",
        "tests/integration/runtime/test_action_ends.py",
    ),
    Breakage(
        "an ended action is not cancelled",
        "realtime/runtime/action_run.py",
        "        self.fail(reason)\n        self.task.cancel()\n",
        "        self.fail(reason)\n",
        "tests/integration/runtime/test_action_ends.py",
    ),
    Breakage(
        "a failure from the cache has no exception",
        "realtime/runtime/query_evaluator.py",
        "        if entry is not None and entry.result.error is None:\n",
        "        if entry is not None:\n",
        "tests/integration/runtime/test_action_errors.py",
    ),
    Breakage(
        "a failure that nobody was shown is kept for others",
        "realtime/runtime/query_evaluator.py",
        "        if report.error is None:\n            self._keep(",
        "        if True:\n            self._keep(",
        "tests/integration/runtime/test_action_errors.py",
    ),
    Breakage(
        "clients reach what functions reach",
        "realtime/runtime/resolved_calls.py",
        "        slot = (call.path, call.args, call.reaches_internal)\n",
        "        slot = (call.path, call.args, call.identity.is_admin)\n",
        "tests/unit/runtime/test_resolved_calls.py",
    ),
    Breakage(
        "anybody in the process reaches internal functions",
        "realtime/runtime/caller.py",
        "        function = check_call(found, found.path, kind, is_admin=self._identity.is_admin)\n",
        "        function = check_call(found, found.path, kind, is_admin=True)\n",
        "tests/integration/runtime/test_caller.py",
    ),
    Breakage(
        "settled forgets the calls of this process",
        "realtime/runtime/lanes.py",
        "        while waiting := [*self._awaited, *(run.task for run in self.actions.running)]:\n",
        "        while waiting := []:\n",
        "tests/integration/runtime/test_caller.py",
    ),
    Breakage(
        "loaded documents refer to ids of elsewhere",
        "realtime/testing/backends.py",
        "        return ids.get(value, value)\n",
        "        return value\n",
        "tests/unit/testing/test_backends.py",
    ),
    Breakage(
        "the fixture does not use the modules that its test has imported",
        "realtime/pytest_plugin.py",
        "        apps[folder] = load_app(folder, reuses_modules=True)\n",
        "        apps[folder] = load_app(folder)\n",
        "tests/app/test_sessions.py",
    ),
    Breakage(
        "a watch goes on after its block",
        "realtime/runtime/caller.py",
        "            self._backend.disconnect(self)\n",
        "            pass\n",
        "tests/integration/runtime/test_caller.py",
    ),
    Breakage(
        "an app by itself does not start with the lifespan",
        "realtime/mounting.py",
        "            await self.start()\n        except RealtimeError as error:\n",
        "            pass\n        except RealtimeError as error:\n",
        "tests/acceptance/test_mounting.py",
    ),
    Breakage(
        "a client sends an action again that was cut off",
        "realtime/client/requests.py",
        "            if request.is_sent and isinstance(request.message, Action)\n",
        "            if False\n",
        "tests/properties/test_client_session.py",
    ),
    Breakage(
        "a mutation of a client returns before its effect is seen",
        "realtime/client/requests.py",
        "            if request.success is not None and request.timestamp <= timestamp\n",
        "            if request.success is not None\n",
        "tests/properties/test_client_session.py",
    ),
    Breakage(
        "a client does not send a mutation again after a cut connection",
        "realtime/client/session.py",
        "        self._outbox += self._requests.begin_connection()\n",
        "        self._requests.begin_connection()\n",
        "tests/properties/test_client_session.py",
    ),
    Breakage(
        "a call runs as nobody while the token of a client is fetched",
        "realtime/client/session.py",
        "        return self._held if self._authentication.is_awaited else self._outbox\n",
        "        return self._outbox\n",
        "tests/unit/client/test_authentication.py",
    ),
    Breakage(
        "a loop over a live query leaves its subscription behind",
        "realtime/client/watch.py",
        "            self._loop.call_soon_threadsafe(self._release)\n",
        "            pass\n",
        "tests/unit/client/test_client.py",
    ),
)


def _is_noticed(breakage: Breakage, tree: Path) -> str | None:
    """Return why the breakage does not count as noticed, or None if a test failed."""
    file = tree / breakage.file
    source = file.read_text()
    if source.count(breakage.line) != 1:
        return f"the line stands {source.count(breakage.line)} times in {breakage.file}"
    file.write_text(source.replace(breakage.line, breakage.wrong))
    try:
        command = [sys.executable, "-m", "pytest", "-q", "-x", *breakage.tests.split()]
        environment = {**os.environ, "HYPOTHESIS_PROFILE": "unshrunk"}
        run = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        return None
    finally:
        file.write_text(source)
    if run.returncode == 1:
        return None
    return f"{breakage.tests} ended with {run.returncode}: {run.stdout.strip()[-200:]}"


def main(names: list[str]) -> int:
    """Try the named breakages, or all; return the exit code."""
    missed = 0
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in _COPIED:
            source = ROOT / name
            if source.is_dir():
                ignored = shutil.ignore_patterns("node_modules", "__pycache__")
                shutil.copytree(source, tree / name, ignore=ignored)
            else:
                shutil.copy(source, tree / name)
        for breakage in BREAKAGES:
            if names and breakage.name not in names:
                continue
            problem = _is_noticed(breakage, tree)
            missed += problem is not None
            print(f"{breakage.name}: {problem or 'noticed'}", flush=True)
    print(f"{len(BREAKAGES)} breakages, {missed} not noticed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
