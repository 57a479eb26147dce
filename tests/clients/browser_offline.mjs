/** The page while its server is away: it says so, keeps what is written, and goes on by itself. */

import { openBrowser } from "./chromium.mjs";
import { commands, run, step, tell } from "./program.mjs";

run(async ({ url, executablePath, text }) => {
  const browser = await openBrowser(executablePath);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.setDefaultTimeout(40_000);
  await page.goto(`${url}/`);
  const banner = page.getByText("Connection lost");
  const list = page.getByRole("log");
  await step("live", page.getByText("Live", { exact: true }).waitFor());
  tell({ ready: true });

  for await (const { away } of commands()) {
    if (!away) break;
    await step("the page says that it is offline", banner.waitFor());
    await page.getByRole("textbox", { name: "Message" }).fill(text);
    await page.getByRole("textbox", { name: "Message" }).press("Enter");
    await step("the message is shown at once", list.getByText(text).waitFor());
    tell({ written: true });
  }
  await step("live again", page.getByText("Live", { exact: true }).waitFor());
  await step("the banner goes", banner.waitFor({ state: "hidden" }));
  const isSent = () => !document.querySelector(".is-sending, .is-waiting");
  await step("the message is sent", page.waitForFunction(isSent));
  const contents = await page.locator("#message-list .message-body").allInnerTexts();
  await browser.close();
  return { contents };
}, { deadlineMs: 100_000 });
