/** The official `ConvexClient` under load, while its server is killed and started again. */

import { ConvexClient } from "convex/browser";
import { WebSocket } from "ws";

import { sendMessages } from "./load.mjs";
import { commands, run, tell } from "./program.mjs";
import { reference } from "./scenario.mjs";

run(
  async ({ url, sessionId, name }) => {
    const client = new ConvexClient(url, { webSocketConstructor: WebSocket, logger: false });
    let listed = [];
    client.onUpdate(reference("messages:list"), { sessionId }, (messages) => {
      listed = messages.map((message) => message.content);
    });
    const send = (content) =>
      client.mutation(reference("messages:send"), { sessionId, role: "user", content });

    tell({ ready: true });
    let from = 0;
    let isPaused, sending;
    for await (const { action } of commands()) {
      if (action === "send") {
        isPaused = false;
        sending = sendMessages(send, { name, from }, tell, () => isPaused);
      } else if (action === "pause") {
        isPaused = true;
        from = await sending;
        tell({ sent: from });
      } else break;
    }
    return { listed, connectionCount: client.client.connectionState().connectionCount };
  },
  { deadlineMs: 120_000 },
);
