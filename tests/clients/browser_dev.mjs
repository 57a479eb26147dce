/** The page while its app is developed: it tells of a broken file, and follows its own files. */

import { openBrowser } from "./chromium.mjs";
import { commands, run, step, tell } from "./program.mjs";

run(async ({ url, executablePath, label }) => {
  const browser = await openBrowser(executablePath);
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const complaints = [];
  page.setDefaultTimeout(40_000);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => line.type() === "error" && complaints.push(line.text()));
  await page.goto(`${url}/`);
  const banner = page.getByRole("alert").filter({ hasText: "Not reloaded" });
  await step("live", page.getByText("Live", { exact: true }).waitFor());
  tell({ seen: "live" });
  for await (const { until } of commands()) {
    if (until === "banner") await step(until, banner.waitFor());
    if (until === "no banner") await step(until, banner.waitFor({ state: "detached" }));
    if (until === "new page") {
      await step(until, page.getByText(label, { exact: true }).waitFor());
      break;
    }
    tell({ seen: until, text: (await banner.count()) ? await banner.innerText() : null });
  }
  await browser.close();
  return { complaints };
}, { deadlineMs: 100_000 });
