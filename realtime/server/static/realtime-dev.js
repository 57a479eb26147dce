/**
 * In pages that `realtime dev` serves: shows why the newest files of the app are not served, and
 * loads the page again when its own files have changed.
 */

const RETRY_MS = 500;
const STYLE = `
  position: fixed; inset: auto 0 0 0; z-index: 2147483647; max-height: 40vh; overflow: auto;
  margin: 0; padding: 12px 16px; background: #8c1d18; color: #fff; white-space: pre-wrap;
  font: 13px/1.5 ui-monospace, monospace; text-align: left;`;

/** Of the files of this page, as first heard of. @type {string | undefined} */
let shownPage;
/** @type {HTMLElement | undefined} */
let banner;

listen();

function listen() {
  const socket = new WebSocket(new URL("/realtime-dev", import.meta.url.replace("http", "ws")));
  socket.onmessage = ({ data }) => show(JSON.parse(data));
  socket.onclose = () => setTimeout(listen, RETRY_MS);
}

/** @param {{ page: string, error: string | null }} status */
function show({ page, error }) {
  shownPage ??= page;
  if (page !== shownPage) location.reload();
  banner?.remove();
  banner = error === null ? undefined : document.body.appendChild(makeBanner(error));
}

/** @param {string} error */
function makeBanner(error) {
  const element = document.createElement("pre");
  element.id = "realtime-dev-error";
  element.setAttribute("role", "alert");
  element.style.cssText = STYLE; // not an attribute: the page's policy may forbid those
  element.textContent = `Not reloaded, the version before goes on serving\n${error}`;
  return element;
}
