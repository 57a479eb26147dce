/** Headless Chromium, as installed on this machine. */

import { chromium } from "playwright-core";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--disable-dev-shm-usage",
];

/** Start a browser with an empty profile. @param {string} executablePath */
export function openBrowser(executablePath) {
  return chromium.launch({ executablePath, args: ARGS, headless: true });
}
