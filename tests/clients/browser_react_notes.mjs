/** The page of a new app in React, open twice: one adds, the other sees it, and ticks it off. */

import { openBrowser } from "./chromium.mjs";
import { run, step } from "./program.mjs";

run(async ({ url, executablePath, text }) => {
  const browser = await openBrowser(executablePath);
  const complaints = [];
  const openPage = async () => {
    const page = await browser.newPage({ viewport: { width: 700, height: 500 } });
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(url);
    return page;
  };
  const add = async (page, written) => {
    await page.getByLabel("New note").fill(written);
    await page.getByRole("button", { name: "Add" }).click();
  };
  const [one, other] = [await openPage(), await openPage()];
  await step("an empty board", other.getByText("Nothing is to be done").waitFor());
  await step("add", add(one, text));
  await step("the other sees it", other.getByLabel(text).waitFor());
  await step("it is ticked off", other.getByLabel(text).check());
  await step("one sees that", one.getByRole("checkbox", { name: text, checked: true }).waitFor());
  await step("a blank one", add(one, "   "));
  await step("is refused", one.getByRole("alert").getByText("A note needs a text").waitFor());
  const kept = await one.getByLabel("New note").inputValue();
  const notes = await one.getByRole("listitem").allInnerTexts();
  await browser.close();
  return { notes, kept, complaints };
});
