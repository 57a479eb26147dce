/** Our own browser client in Chromium under load, while its server is killed and started again. */

import { openBrowser } from "./chromium.mjs";
import { sendMessages } from "./load.mjs";
import { commands, run, tell } from "./program.mjs";

run(
  async ({ url, sessionId, name, executablePath }) => {
    const browser = await openBrowser(executablePath);
    const page = await browser.newPage();
    await page.goto(`${url}/version`);
    await page.exposeFunction("tellAcknowledged", tell);
    await page.evaluate(
      async ([url, sessionId]) => {
        const { RealtimeClient } = await import("/realtime.js");
        const client = new RealtimeClient(url);
        globalThis.listed = [];
        client.subscribe("messages:list", { sessionId }, (messages) => {
          globalThis.listed = messages.map((message) => message.content);
        });
        globalThis.send = (content) =>
          client.mutation("messages:send", { sessionId, role: "user", content });
        globalThis.client = client;
      },
      [url, sessionId],
    );

    tell({ ready: true });
    let from = 0;
    let sending;
    for await (const { action } of commands()) {
      if (action === "send") {
        const work = JSON.stringify({ name, from });
        await page.evaluate(() => { globalThis.isPaused = false; });
        sending = page.evaluate(
          `(${sendMessages})(send, ${work}, tellAcknowledged, () => globalThis.isPaused)`,
        );
      } else if (action === "pause") {
        await page.evaluate(() => { globalThis.isPaused = true; });
        from = await sending;
        tell({ sent: from });
      } else break;
    }
    const result = await page.evaluate(() => ({
      listed: globalThis.listed,
      connectionCount: globalThis.client.connectionState().connectionCount,
    }));
    await browser.close();
    return result;
  },
  { deadlineMs: 120_000 },
);
