/**
 * Two people with the page open: one on a wide screen, one on a phone in the dark. Each writes, and
 * sees what the other wrote without asking for it.
 */

import { openBrowser } from "./chromium.mjs";
import { run, step } from "./program.mjs";

const WIDE = { viewport: { width: 1280, height: 800 }, colorScheme: "light" };
const PHONE = { viewport: { width: 400, height: 800 }, colorScheme: "dark" };

run(async ({ url, executablePath, texts, commitSha, screenshot }) => {
  const browser = await openBrowser(executablePath);
  const complaints = [];
  const foreignRequests = [];
  const open = async (options) => {
    const context = await browser.newContext({ ...options, reducedMotion: "reduce" });
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
    page.on("request", (request) => {
      const isOwn = request.url().startsWith(`${url}/`) || request.url().startsWith("data:");
      if (!isOwn) foreignRequests.push(request.url());
    });
    await page.goto(`${url}/`);
    return page;
  };

  const wide = await step("open the wide page", open(WIDE));
  const phone = await step("open the phone", open(PHONE));
  await step("go to all sessions", phone.getByRole("link", { name: "All sessions" }).click());
  await step("choose the session", sessionLink(phone).click());
  await step("demo message", message(phone, "applied twice").waitFor());

  await step("first sends", send(wide, texts.first));
  await step("second sees it", message(phone, texts.first).waitFor());
  await step("second answers", send(phone, texts.second));
  await step("first sees the answer", message(wide, texts.second).waitFor());
  await Promise.all([wide, phone].map((page) => step("all are sent", settled(page))));
  const lists = await Promise.all([wide, phone].map(contents));
  if (screenshot) await step("picture", takePicture(browser, [wide, phone], screenshot));

  await step("name the commit", wide.getByLabel("Commit SHA").fill(commitSha));
  await step("mark", wide.getByRole("button", { name: "Mark as committed" }).click());
  const badge = phone.getByRole("log").getByText("Committed", { exact: true });
  await step("second sees the commit", badge.waitFor());

  await browser.close();
  return { lists, complaints, foreignRequests };
});

function sessionLink(page) {
  return page.getByRole("list", { name: /^Sessions/ }).getByRole("link").first();
}

function message(page, text) {
  return page.getByRole("log").getByText(text);
}

async function send(page, text) {
  const field = page.getByRole("textbox", { name: "Message" });
  await field.fill(text);
  await field.press("Enter");
}

/** Wait until no message is marked as on its way. */
async function settled(page) {
  await page.waitForFunction(() => !document.querySelector(".is-sending, .is-waiting"));
}

function contents(page) {
  return page.locator("#message-list .message-body").allInnerTexts();
}

/** Put the pages side by side into one picture. */
async function takePicture(browser, pages, path) {
  const shots = await Promise.all(pages.map((page) => page.screenshot()));
  const images = shots.map((png) => `<img src="data:image/png;base64,${png.toString("base64")}">`);
  const page = await browser.newPage({ viewport: { width: 1760, height: 864 } });
  await page.setContent(
    `<style>
      body { margin: 0; padding: 32px; display: flex; gap: 16px; background: #d9dce3; }
      img { border-radius: 10px; box-shadow: 0 6px 24px #0003; }
    </style>${images.join("")}`,
  );
  await page.locator("img").last().evaluate((image) => image.decode());
  await page.screenshot({ path });
}
