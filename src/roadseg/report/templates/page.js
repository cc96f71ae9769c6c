"use strict";
// What a page does besides showing itself: tables sort, frames lie under one slider, cells say what they count.
// Without this file's help everything is still there, one thing below the other.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

function made(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

// --- tables: a click on a column's name sorts by it, a second click turns the order round

function cellOf(row, column) {
  const cell = row.cells[column];
  const text = cell.dataset.value ?? cell.textContent.trim();
  return cell.classList.contains("words") ? text || NaN : parseFloat(text);
}

function compare(one, other) {
  return typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other;
}

function sortBy(table, column) {
  const head = table.tHead.rows[0].cells[column];
  const words = head.classList.contains("words");
  const before = head.getAttribute("aria-sort");
  const falling = before ? before === "ascending" : !words; // figures begin with the largest, words with a
  const rows = [...table.tBodies[0].rows].map((row) => [cellOf(row, column), row]);
  const known = rows.filter(([value]) => value === value); // NaN, no figure, stays at the end
  const unknown = rows.filter(([value]) => value !== value);
  known.sort(([one], [other]) => (falling ? compare(other, one) : compare(one, other)));
  table.tBodies[0].append(...[...known, ...unknown].map(([, row]) => row));
  for (const cell of table.tHead.rows[0].cells) cell.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    const button = made("button", { type: "button" }, ...head.childNodes);
    button.addEventListener("click", () => sortBy(table, column));
    head.append(button);
  });
}

// --- what the pointer is on, in words below it

function tell(root) {
  const output = root.querySelector("output");
  const say = (event) => {
    const pointed = event.target.closest("[data-says]");
    if (pointed) output.textContent = pointed.dataset.says;
  };
  root.addEventListener("pointerover", say);
}

// --- frames: one at a time, its layers under a slider, those first that miss the chosen class most

function makeViewer(root) {
  const figures = all("figure", root);
  const find = (selector) => root.querySelector(selector);
  const slider = find("input");
  const filter = find("select");
  const counts = (figure, kind) => figure.dataset[kind].split(" ").map(Number);
  let order = figures;
  let at = 0;

  const thumbs = new Map(figures.map((figure) => {
    const name = figure.querySelector("bdi").textContent;
    const picture = made("img", { src: figure.querySelector("img").src, alt: name, loading: "lazy" });
    const thumb = made("button", { type: "button", title: name }, picture);
    thumb.addEventListener("click", () => show(order.indexOf(figure)));
    return [figure, thumb];
  }));

  function missed(figure) {
    if (filter.value === "") return "";
    const [of, all] = ["missed", "truth"].map((kind) => counts(figure, kind)[Number(filter.value)]);
    const name = filter.selectedOptions[0].textContent;
    return `, ${name}: ${of.toLocaleString("en")} of ${all.toLocaleString("en")} pixels missed`;
  }

  function show(place) {
    at = Math.min(Math.max(place, 0), order.length - 1);
    const shown = order[at];
    for (const figure of figures) figure.classList.toggle("shown", figure === shown);
    for (const [figure, thumb] of thumbs) thumb.setAttribute("aria-pressed", String(figure === shown));
    find("output").textContent = shown ? `${at + 1} of ${order.length}${missed(shown)}` : "no frame misses a pixel of it";
    const strip = find(".strip");
    if (shown) strip.scrollLeft = thumbs.get(shown).offsetLeft - strip.clientWidth / 2;
  }

  function choose() {
    const of = (figure) => counts(figure, "missed")[Number(filter.value)];
    const some = figures.filter((figure) => of(figure) > 0).sort((one, other) => of(other) - of(one));
    order = filter.value === "" ? figures : some;
    find(".strip").replaceChildren(...order.map((figure) => thumbs.get(figure)));
    show(0);
  }

  function view(value) {
    slider.value = value;
    root.style.setProperty("--view", value);
    all(".stops button", root).forEach((stop, i) => stop.setAttribute("aria-pressed", String(i === Number(value))));
  }

  const keys = { ArrowRight: 1, n: 1, ArrowLeft: -1, p: -1 };
  document.addEventListener("keydown", (event) => {
    const inside = (selector) => event.target.matches(selector);
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (inside("input, [contenteditable]") && event.key.startsWith("Arrow")) return; // there they have their own work
    if (inside("select") && !event.key.startsWith("Arrow")) return; // letters choose a class, arrows up and down too
    if (event.key in keys) show(at + keys[event.key]);
    else if (/^[1-4]$/.test(event.key)) view(Number(event.key) - 1);
    else return;
    event.preventDefault();
  });

  slider.addEventListener("input", () => view(slider.value));
  filter.addEventListener("change", choose);
  find(".previous").addEventListener("click", () => show(at - 1));
  find(".next").addEventListener("click", () => show(at + 1));
  all(".stops button", root).forEach((stop, i) => stop.addEventListener("click", () => view(i)));
  filter.value = "";
  view(0);
  choose();
}

document.documentElement.classList.add("scripted");
all("table.sorts").forEach(makeSortable);
all(".tells").forEach(tell);
all(".viewer").forEach(makeViewer);
