/** A DOM for React, which looks for one while it is imported: import this module before it. */

import { Window } from "happy-dom";

const window = new Window({ url: "http://localhost/" });
const addGlobal = (name, value) =>
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
addGlobal("window", window);
addGlobal("document", window.document);
addGlobal("navigator", window.navigator);
