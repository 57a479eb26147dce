/**
 * Elements from data. Text always becomes a text node, never markup: what people write in a message
 * cannot become part of the page.
 */

const SVG = "http://www.w3.org/2000/svg";

/** Strokes on a field of 16 by 16. */
const ICONS = {
  alert: "M8 5v3.5M8 11.2v.1M8 1.8 14.6 13.6H1.4Z",
  arrowDown: "M8 3v10M3.8 8.8 8 13l4.2-4.2",
  arrowLeft: "M13 8H3M7.2 3.8 3 8l4.2 4.2",
  arrowUp: "M8 13V3M3.8 7.2 8 3l4.2 4.2",
  branch:
    "M6.1 3.6a1.6 1.6 0 1 1-3.2 0a1.6 1.6 0 1 1 3.2 0M6.1 12.4a1.6 1.6 0 1 1-3.2 0a1.6 1.6 0 1 1 3.2 0" +
    "M13.1 5a1.6 1.6 0 1 1-3.2 0a1.6 1.6 0 1 1 3.2 0M4.5 5.2v5.6M11.5 6.6c0 3-7 1.6-7 4.2",
  check: "M3 8.5 6.5 12 13 4.5",
  close: "M4 4l8 8M12 4l-8 8",
  external: "M6.5 3.5h-3v9h9v-3M9.5 3h3.5v3.5M13 3 7.5 8.5",
  file: "M4 1.8h5l3 3v9.4H4ZM9 1.8v3h3",
  message: "M2.5 3h11v8H7l-3 2.6V11H2.5Z",
  panel: "M2 3h12v10H2ZM10 3v10",
  plus: "M8 3v10M3 8h10",
};

/**
 * Return a new element.
 *
 * @param {string} tag
 * @param {Record<string, any>} [attributes] `onclick` and the like take a function; `false`, `null`
 *   and `undefined` leave an attribute out
 * @param {...(Node | string | null | undefined | false | any[])} children strings become text
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child || child === 0));
  return element;
}

/** @param {keyof typeof ICONS} name */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

/** Return the element of the page with this id. */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`The page has no element \`${id}\``);
  return element;
}

/** What each list item was built from, so that an equal one is left alone. */
const builtFrom = new WeakMap();

/**
 * Make the items of a list show these entries, in this order.
 *
 * An item stays the same element while its key stays; its content is built anew only if its
 * signature is another one. So focus, scroll position and what a screen reader has read stay put.
 *
 * @param {HTMLElement} list
 * @param {{ key: string, signature: string, className: string, build: () => Node[] }[]} entries
 */
export function reconcile(list, entries) {
  const keys = new Set(entries.map(({ key }) => key));
  const items = new Map();
  for (const item of [...list.children]) {
    if (keys.has(item.dataset.key)) items.set(item.dataset.key, item);
    else item.remove();
  }
  let next = list.firstElementChild;
  for (const { key, signature, className, build } of entries) {
    const item = items.get(key) ?? h("li", { "data-key": key });
    if (item.className !== className) item.className = className;
    if (builtFrom.get(item) !== signature) {
      keepingFocus(item, () => item.replaceChildren(...build()));
      builtFrom.set(item, signature);
    }
    if (item === next) next = next.nextElementSibling;
    else list.insertBefore(item, next);
  }
}

/** Give an item another key, so that the next `reconcile` takes it for that entry. */
export function rename(list, key, newKey) {
  const item = [...list.children].find((child) => child.dataset.key === key);
  if (item) item.dataset.key = newKey;
}

/** Rebuild part of the page; the focused element in it is found again by its `data-focus`. */
function keepingFocus(container, rebuild) {
  const name = container.contains(document.activeElement)
    ? document.activeElement?.getAttribute("data-focus")
    : null;
  rebuild();
  if (name) container.querySelector(`[data-focus="${CSS.escape(name)}"]`)?.focus();
}
