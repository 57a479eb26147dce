/** The official React hooks, rendering into a DOM. */

import "./dom.mjs";

import { createElement as h, Component, useEffect, useLayoutEffect } from "react";
import { flushSync } from "react-dom";
import { createRoot } from "react-dom/client";
import { ConvexProvider, ConvexReactClient, useMutation, useQuery } from "convex/react";
import { WebSocket } from "ws";

import { run, step, Watched } from "./program.mjs";
import { callEveryFunction, MUTATIONS, reference } from "./scenario.mjs";

/** Show a query's result; the list of messages as an ordered list of their contents. */
function Result({ path, args, onResult }) {
  const value = useQuery(reference(path), args);
  useEffect(() => {
    if (value !== undefined) onResult(value);
  }, [value]);
  if (path !== "messages:list" || value === undefined) return null;
  return h("ol", null, value.map((message) => h("li", { key: message._id }, message.content)));
}

/** Hand out the functions that `useMutation` gives. */
function Mutations({ onReady }) {
  const entries = MUTATIONS.map((path) => [path, useMutation(reference(path))]);
  useEffect(() => onReady(Object.fromEntries(entries)), []);
  return null;
}

/** A chat with an optimistic update; tells each state of its list right after it was rendered. */
function OptimisticChat({ sessionId, onReady, onRender }) {
  const messages = useQuery(reference("messages:list"), { sessionId });
  const send = useMutation(reference("messages:send")).withOptimisticUpdate((store, args) => {
    const list = store.getQuery(reference("messages:list"), { sessionId });
    if (list === undefined) return;
    const message = { ...args, _id: "optimistic", _creationTime: 0, timestamp: 0 };
    store.setQuery(reference("messages:list"), { sessionId }, [...list, message]);
  });
  useLayoutEffect(() => {
    if (messages !== undefined) onRender(messages.map(({ _id, content }) => ({ _id, content })));
  });
  useEffect(() => onReady(send), []);
  return null;
}

/** Catch what a failed query throws while it is rendered. */
class Boundary extends Component {
  state = { failed: false };

  static getDerivedStateFromError() {
    return { failed: true };
  }

  componentDidCatch(error) {
    this.props.onError(error);
  }

  render() {
    return this.state.failed ? null : this.props.children;
  }
}

run(async (ids) => {
  const client = new ConvexReactClient(ids.url, { webSocketConstructor: WebSocket });
  const mount = (element, onError = (error) => { throw error; }) => {
    const container = document.createElement("div");
    document.body.append(container);
    const root = createRoot(container, { onCaughtError: () => {} });
    root.render(h(ConvexProvider, { client }, h(Boundary, { onError }, element)));
    return { container, unmount: () => root.unmount() };
  };

  const query = async (path, args) => {
    let mounted;
    try {
      return await new Promise((resolve, reject) => {
        mounted = mount(h(Result, { path, args, onResult: resolve }), reject);
      });
    } finally {
      mounted.unmount();
    }
  };
  const mutations = await step(
    "useMutation",
    new Promise((resolve) => mount(h(Mutations, { onReady: resolve }))),
  );

  let list;
  const result = await callEveryFunction(
    {
      query,
      mutation: (path, args) => mutations[path](args),
      watch(path, args) {
        const watched = new Watched();
        list = mount(h(Result, { path, args, onResult: (value) => watched.set(value) }));
        return watched;
      },
    },
    ids,
    "ConvexReactClient",
  );
  const rendered = [...list.container.querySelectorAll("li")].map((item) => item.textContent);
  const optimistic = await sendOptimistically(mount, result.sessionId);
  await client.close();
  return { ...result, rendered, optimistic };
});

/** Send one message from a chat with an optimistic update; return all states it showed. */
async function sendOptimistically(mount, sessionId) {
  const renders = new Watched();
  const send = await step(
    "optimistic chat",
    new Promise((resolve) => {
      const onRender = (messages) => renders.set(messages);
      mount(h(OptimisticChat, { sessionId, onReady: resolve, onRender }));
    }),
  );
  await step("first list", renders.until((messages) => messages.length === 3));
  // The answer may come before React gets round to rendering; a person would see no step between.
  let sending;
  flushSync(() => (sending = send({ sessionId, role: "user", content: "optimistic" })));
  const id = await step("send", sending);
  await step("sent", renders.until((messages) => messages.at(-1)._id === id));
  return renders.values;
}
