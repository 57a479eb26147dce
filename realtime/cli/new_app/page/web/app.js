/** The board: a live query, and two mutations. Open the page twice to see it move. */

import { RealtimeClient } from "/realtime.js";

const client = new RealtimeClient(location.origin);
const [form, list, error] = ["new-note", "notes", "error"].map((id) => document.getElementById(id));

client.subscribe("notes:list", {}, (notes) => list.replaceChildren(...notes.map(makeItem)), tell);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  client.mutation("notes:add", { text: form.elements.text.value }).catch(tell);
  form.reset();
});

function makeItem(note) {
  const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: note.done });
  box.addEventListener("change", () => {
    client.mutation("notes:setDone", { noteId: note._id, done: box.checked }).catch(tell);
  });
  const label = document.createElement("label");
  label.append(box, note.text);
  const item = document.createElement("li");
  item.append(label);
  return item;
}

function tell({ message }) {
  error.textContent = message;
}
