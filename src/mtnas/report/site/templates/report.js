"use strict";
// What the page does beyond HTML: filter, sort, zoom, walk through seeds. It works without, too.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// Contents: folded on a phone, the section on screen is marked.
const contents = document.querySelector("nav details");
const wide = matchMedia("(min-width: 70rem)");
const fold = () => { contents.open = wide.matches; };
wide.addEventListener("change", fold);
fold();
const links = all("nav a");
const mark = (link) => {
  link.setAttribute("aria-current", "true");
  const parts = link.parentElement.querySelector("details");
  if (parts && wide.matches) parts.open = true;
};
for (const link of links)
  link.addEventListener("click", () => { if (!wide.matches) contents.open = false; });
const seen = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((found) => found.isIntersecting))
    for (const link of links) {
      if (link.hash === `#${entry.target.id}`) mark(link);
      else link.removeAttribute("aria-current");
    }
}, { rootMargin: "-10% 0px -80% 0px" });
for (const section of all("main > section[id]")) seen.observe(section);

// Filters: a form names what it filters (`data-items`); a select or a search box hides the rest.
// `data-<name>` of an item is compared with the select of that name, its text with the search box.
function matches(item, controls) {
  return controls.every((control) => {
    if (!control.value) return true;
    if (control.type === "search")
      return item.textContent.toLowerCase().includes(control.value.toLowerCase());
    const own = item.dataset[control.name];
    return own === undefined || own === control.value;
  });
}

// A table without a row, or without a column of a dataset that had some, goes with its caption; an
// article without a table, with its heading and notes.
function hideEmpty(scope) {
  const none = (found) => found.length > 0 && found.every((item) => item.hidden);
  for (const table of all("table", scope))
    table.parentElement.hidden =
      none(all("tbody tr", table)) || none(all("thead th[data-dataset]", table));
  for (const article of all("article", scope)) article.hidden = none(all(".wide", article));
}

function apply(form) {
  const scope = form.closest("section");
  const controls = all("input, select", form);
  const selector = form.getAttribute("data-items");  // `form.dataset` is the select of that name
  const items = all(selector, scope);
  for (const item of items) item.hidden = !matches(item, controls);
  for (const cell of all("th[data-dataset], td[data-dataset]", scope))
    cell.hidden = !matches(cell, controls.filter((control) => control.name === "dataset"));
  if (selector.includes("tr")) hideEmpty(scope);
  for (const folded of all("details.others", scope))
    if (controls.some((control) => control.value)) folded.open = true;
  const shown = items.filter((item) => !item.closest("[hidden]")).length;
  form.querySelector("output").textContent =
    shown === items.length ? "" : `${shown} of ${items.length} shown`;
}

for (const form of all("form[data-items]")) {
  form.hidden = false;
  form.addEventListener("input", () => apply(form));
  form.addEventListener("submit", (event) => event.preventDefault());
}

// Sorting: headings of plain tables become buttons.
function key(row, column) {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text.replace(/−/g, "-").replace(/,/g, ""));
  return Number.isNaN(number) ? text : number;
}

function sort(table, head, column) {
  const up = head.getAttribute("aria-sort") !== "ascending";
  for (const other of all("thead th", table)) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows].map((row) => [key(row, column), row]);
  const kind = (value) => (typeof value === "number" ? 0 : 1);  // what is no number stands last
  rows.sort(([a], [b]) => {
    if (kind(a) !== kind(b)) return kind(a) - kind(b);
    const order = kind(a) ? a.localeCompare(b) : a - b;
    return up ? order : -order;
  });
  body.append(...rows.map(([, row]) => row));
}

for (const table of all("table.sortable"))
  for (const head of all("th[data-column]", table)) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, head, Number(head.dataset.column)));
  }

// A figure in full size.
const dialog = document.querySelector("dialog");
for (const button of all(".zoom"))
  button.addEventListener("click", () => {
    dialog.querySelector("img")?.remove();
    dialog.append(button.querySelector("img").cloneNode());
    dialog.showModal();
  });
dialog.addEventListener("click", (event) => {
  if (event.target === dialog || event.target.closest("button")) dialog.close();
});

// Routes: a slider over the seeds, and in words what the pointer or the focus is on.
for (const group of all(".seeds")) {
  const slider = group.querySelector("input");
  const drawings = all("[data-seed]", group);
  const show = () => {
    drawings.forEach((drawing, place) => { drawing.hidden = place !== Number(slider.value); });
    const seed = `seed ${drawings[Number(slider.value)].dataset.seed}`;
    group.querySelector("output").textContent = seed;
    slider.setAttribute("aria-valuetext", seed);
  };
  group.querySelector(".slider").hidden = drawings.length < 2;
  slider.addEventListener("input", show);
  show();
  const words = group.querySelector(".words-of-node");
  for (const node of all("[data-words]", group))
    for (const event of ["pointerenter", "focus"])
      node.addEventListener(event, () => { words.textContent = node.dataset.words; });
}

// Paper has nothing folded.
let folded = [];
addEventListener("beforeprint", () => {
  folded = all("main details:not([open])");
  for (const part of folded) part.open = true;
});
addEventListener("afterprint", () => { for (const part of folded) part.open = false; });

// What a link points to may be folded.
function unfold() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let at = target; at; at = at.parentElement) {
    at.hidden = at.dataset.seed === undefined ? false : at.hidden;
    if (at.tagName === "DETAILS") at.open = true;
  }
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold);
unfold();
