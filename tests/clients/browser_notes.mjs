/** The page of the tutorial, open twice: what one window adds and ticks, the other sees. */

import { openBrowser } from "./chromium.mjs";
import { run, step } from "./program.mjs";

run(async ({ url, executablePath, text }) => {
  const browser = await openBrowser(executablePath);
  const complaints = [];
  const openPage = async () => {
    const page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(`${url}/`);
    return page;
  };
  const [one, other] = [await openPage(), await openPage()];
  const seen = other.getByLabel(text);
  await step("write", one.getByLabel("New note").fill(text));
  await step("add", one.getByRole("button", { name: "Add" }).click());
  await step("see it", seen.waitFor());
  const notes = await other.getByRole("listitem").allInnerTexts();
  await step("tick", one.getByLabel(text).click());
  await step("see it leave", seen.waitFor({ state: "detached" }));
  await browser.close();
  return { notes, complaints };
});
