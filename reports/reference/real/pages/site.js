// What the pages do more where scripts run: tables that are sorted, filtered and copied, and a search over names.
"use strict";

const SIZES = { s: 1, min: 60, h: 3600, MiB: 2 ** 20, GiB: 2 ** 30, k: 1e3, M: 1e6, G: 1e9 };
const FEW = 12; // different values, of which a column can be filtered by choosing one

function make(name, facts = {}, ...children) {
  const made = Object.assign(document.createElement(name), facts);
  made.append(...children);
  return made;
}

function textOf(cell) {
  return cell.textContent.replace(/\s+/g, " ").trim();
}

// The number that a cell begins with, its unit counted in; NaN where it does not begin with one.
function numberOf(text) {
  const found = /^(?:n=|[<>]\s*)?([+-]?[\d,]*\.?\d+(?:e[+-]?\d+)?)\s*(s|min|h|MiB|GiB|k|M|G)?\b/.exec(text);
  return found ? Number(found[1].replaceAll(",", "")) * (SIZES[found[2]] ?? 1) : NaN;
}

function compare(first, second) {
  const [a, b] = [numberOf(first), numberOf(second)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) return a - b;
  if (Number.isNaN(a) !== Number.isNaN(b)) return Number.isNaN(a) ? 1 : -1; // what has no number stands last
  return first.localeCompare(second, undefined, { numeric: true });
}

// The rows between the lines across a table are sorted among themselves: what is not ranked stays below the others.
function sortBy(table, place, descending) {
  const body = table.tBodies[0];
  const groups = [[null, []]];
  for (const row of body.rows) {
    if (row.classList.contains("line")) groups.push([row, []]);
    else groups.at(-1)[1].push(row);
  }
  const turn = descending ? -1 : 1;
  const blank = (row) => Number.isNaN(numberOf(textOf(row.cells[place])));
  for (const [line, rows] of groups) {
    const numbers = rows.some((row) => !blank(row));
    rows.sort((a, b) => {
      if (numbers && blank(a) !== blank(b)) return blank(a) ? 1 : -1;
      return turn * compare(textOf(a.cells[place]), textOf(b.cells[place]));
    });
    body.append(...(line ? [line] : []), ...rows);
  }
}

function sortable(table, heads) {
  heads.forEach((head, place) => {
    const button = make("button", { type: "button", textContent: textOf(head) });
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const descending = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", descending ? "descending" : "ascending");
      sortBy(table, place, descending);
    });
  });
}

function dataRows(table) {
  return [...table.tBodies[0].rows].filter((row) => !row.classList.contains("line"));
}

function filters(table, heads, tools) {
  const search = make("input", { type: "search", placeholder: "Filter rows", ariaLabel: "Filter rows" });
  const count = make("span", { role: "status" });
  const chosen = new Map();
  const apply = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of dataRows(table)) {
      const text = textOf(row).toLowerCase();
      const kept = [...chosen].every(([place, value]) => !value || textOf(row.cells[place]) === value);
      row.hidden = !(kept && words.every((word) => text.includes(word)));
      shown += !row.hidden;
    }
    count.textContent = `${shown} of ${dataRows(table).length} rows`;
  };
  search.addEventListener("input", apply);
  tools.append(search);
  heads.forEach((head, place) => {
    const values = [...new Set(dataRows(table).map((row) => textOf(row.cells[place])))];
    const words = values.every((value) => Number.isNaN(numberOf(value)) || value.startsWith("n="));
    if (!place || values.length < 2 || values.length > FEW || values.length === dataRows(table).length) return;
    if (!words || values.some((value) => value.length > 40)) return;
    const choice = make("select", { ariaLabel: textOf(head) }, new Option(`${textOf(head)}: all`, ""));
    values.sort(compare).forEach((value) => choice.append(new Option(value, value)));
    choice.addEventListener("change", () => { chosen.set(place, choice.value); apply(); });
    tools.append(choice);
  });
  tools.append(count);
}

function columnsOf(table, heads, tools) {
  const list = make("details", {}, make("summary", { textContent: "Columns" }));
  heads.forEach((head, place) => {
    if (!place) return;
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      head.hidden = !box.checked;
      dataRows(table).forEach((row) => { row.cells[place].hidden = !box.checked; });
    });
    list.append(make("label", {}, box, ` ${textOf(head)}`));
  });
  tools.append(list);
}

const quoted = (cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
const texed = (cell) => cell.replace(/[\\&%$#_{}~^]/g, (letter) => {
  return { "\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}" }[letter] ?? `\\${letter}`;
});
const FORMS = {
  CSV: (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n"),
  Markdown: ([head, ...rows]) => [head, head.map(() => "---"), ...rows]
    .map((row) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`).join("\n"),
  LaTeX: (rows) => [`\\begin{tabular}{${"l".repeat(rows[0].length)}}`,
    ...rows.map((row) => `${row.map(texed).join(" & ")} \\\\`), "\\end{tabular}"].join("\n"),
};

function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = make("textarea", { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy"); // a page from disk may have no clipboard
  area.remove();
  return Promise.resolve();
}

function copies(table, heads, tools) {
  for (const [name, form] of Object.entries(FORMS)) {
    const button = make("button", { type: "button", textContent: `Copy ${name}` });
    button.addEventListener("click", async () => {
      const rows = [heads, ...dataRows(table).filter((row) => !row.hidden).map((row) => [...row.cells])];
      await copy(form(rows.map((cells) => cells.filter((cell) => !cell.hidden).map(textOf))));
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = `Copy ${name}`; }, 1500);
    });
    tools.append(button);
  }
}

function enrich(table) {
  const heads = [...table.tHead.rows[table.tHead.rows.length - 1].cells];
  if (dataRows(table).length < 3) return;
  const tools = make("div", { className: "tools" });
  if (dataRows(table).length > 5) filters(table, heads, tools);
  if (heads.length > 3 && table.tHead.rows.length === 1) columnsOf(table, heads, tools);
  copies(table, heads, tools);
  sortable(table, heads);
  table.closest(".scroll").before(tools);
}

function searching(box) {
  const [input, list] = [box.querySelector("input"), box.querySelector("ul")];
  const to = document.body.dataset.pages;
  box.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = words.length ? NAMES.filter(([name]) => words.every((word) => name.toLowerCase().includes(word))) : [];
    found.sort(([a], [b]) => a.length - b.length);
    const links = found.slice(0, 10).map(([name, file]) => make("a", { href: to + file, textContent: name }));
    list.replaceChildren(...links.map((link) => make("li", {}, link)));
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter") list.querySelector("a")?.click();
  });
}

document.querySelectorAll("table.data").forEach(enrich);
searching(document.querySelector(".search"));
