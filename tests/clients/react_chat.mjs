/** The React front end of `examples/react-chat` in the browser, one scene at a time. */

import { openBrowser } from "./chromium.mjs";
import { commands, run, step, tell } from "./program.mjs";

const SCENES = { tabs, pending, history, offline, refused, unknown };

run(
  async ({ scene, executablePath, ...args }) => {
    const browser = await openBrowser(executablePath);
    const complaints = [];
    const open = async (url) => {
      const page = await browser.newPage({ viewport: { width: 1100, height: 700 } });
      page.setDefaultTimeout(30_000);
      page.on("pageerror", (error) => complaints.push(String(error)));
      await page.addInitScript(withoutSecureContext);
      await page.goto(url);
      return page;
    };
    const result = await SCENES[scene](open, args);
    await browser.close();
    return { ...result, complaints };
  },
  { deadlineMs: 100_000 },
);

/** Run in the page: leave out what browsers give only to pages under https and on localhost. */
function withoutSecureContext() {
  delete Crypto.prototype.randomUUID;
}

/** Two tabs write, and see what the other wrote. */
async function tabs(open, { url }) {
  const [one, other] = [await open(url), await open(url)];
  await step("one sends", send(one, "from one"));
  await step("the other sees it", message(other, "from one").waitFor());
  await step("the other sends two lines", send(other, "from the other", "in two lines"));
  await step("one sees it", message(one, "from the other").waitFor());
  await Promise.all([one, other].map((page) => step("all are sent", settled(page))));
  return { lists: await Promise.all([one, other].map(contents)) };
}

/** A message is shown before the server has answered, and stays there when it has. */
async function pending(open, { url, text }) {
  const page = await open(url);
  await step("the demo", message(page, "applied twice").waitFor());
  await page.evaluate(countCopies, text);
  await step("send", send(page, text));
  const busy = page.locator('[aria-busy="true"]', { hasText: text });
  await step("shown at once", busy.getByText("Sending…").waitFor());
  tell({ shown: true });
  await step("answered", settled(page));
  return { copies: await page.evaluate(() => window.copies) };
}

/** Run in the page: keep how many copies of a text there were, each time that this changes. */
function countCopies(text) {
  window.copies = [];
  const count = () => {
    const items = [...document.querySelectorAll("[role=log] > li")];
    const copies = items.filter((item) => item.textContent.includes(text)).length;
    if (copies !== window.copies.at(-1)) window.copies.push(copies);
  };
  count();
  new MutationObserver(count).observe(document.body, { childList: true, subtree: true });
}

/** Earlier messages come a page at a time, and what is shown stays live. */
async function history(open, { url, loads }) {
  const page = await open(url);
  const earlier = page.getByRole("button", { name: "Earlier messages" });
  const lists = [];
  for (let load = 0; load <= loads; load++) {
    if (load > 0) await step("earlier ones", earlier.click());
    const before = lists.at(-1)?.length ?? 0;
    await step("they are there", page.waitForFunction(hasMoreThan, before));
    lists.push(await contents(page));
  }
  await step("there are no others", earlier.waitFor({ state: "detached" }));
  tell({ lists });
  for await (const { sent } of commands()) {
    await step("a later one", message(page, sent).waitFor());
    break;
  }
  return { last: await contents(page) };
}

function hasMoreThan(count) {
  return document.querySelectorAll("[role=log] > li").length > count;
}

/** While the server is away the page says so; what is written meanwhile is sent later. */
async function offline(open, { url, text }) {
  const page = await open(url);
  await step("the demo", message(page, "applied twice").waitFor());
  const banner = page.getByText("Connection lost");
  tell({ ready: true });
  for await (const { away } of commands()) {
    if (!away) break;
    await step("it says so", banner.waitFor());
    await step("send", send(page, text));
    await step("shown at once", message(page, text).waitFor());
    tell({ written: true });
  }
  await step("the banner goes", banner.waitFor({ state: "hidden" }));
  await step("it is sent", settled(page));
  return { list: await contents(page) };
}

/** A message that the server refuses is kept, to be sent again or thrown away. */
async function refused(open, { url, size }) {
  const page = await open(url);
  await step("the demo", message(page, "applied twice").waitFor());
  await send(page, "x".repeat(size));
  const failed = page.getByRole("alert").filter({ hasText: "Not sent" });
  await step("not sent", failed.waitFor());
  const before = (await contents(page)).length;
  await step("again", failed.getByRole("button", { name: "Send again" }).click());
  await step("not sent again", failed.waitFor());
  await step("discard", failed.getByRole("button", { name: "Discard" }).click());
  await step("gone", failed.waitFor({ state: "detached" }));
  await step("another is sent", send(page, "short"));
  await step("it is there", message(page, "short").waitFor());
  return { before };
}

/** An address that names no session leaves the list of sessions to choose from. */
async function unknown(open, { url, sessions }) {
  const texts = [];
  for (const session of sessions) {
    const page = await open(`${url}/?session=${session}`);
    const title = page.getByRole("heading", { level: 2 });
    await step("it says so", title.waitFor());
    texts.push(await title.innerText());
    await step("choose another", page.getByRole("list").getByRole("link").first().click());
    await step("the demo", message(page, "applied twice").waitFor());
  }
  return { texts };
}

function message(page, text) {
  return page.getByRole("log").getByText(text);
}

async function send(page, text, ...lines) {
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill(text);
  for (const line of lines) {
    await field.press("Shift+Enter");
    await field.pressSequentially(line);
  }
  await field.press("Enter");
}

/** Wait until no message is on its way. */
async function settled(page) {
  await page.waitForFunction(() => !document.querySelector("[role=log] > [aria-busy=true]"));
}

function contents(page) {
  return page.locator("[role=log] > li > header + p").allInnerTexts();
}
