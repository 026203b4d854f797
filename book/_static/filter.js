// Search and choose in the tables that ask for it (exhibits.table with `filters`), with simple-datatables.
// Without JavaScript, or if this fails, the table stays as it is: complete and readable. Loaded with `defer`: the page is
// there, and on some pages nothing is painted before this has run.
const cellText = (cell) => {
  const words = (node) => node.data ?? (node.childNodes ?? []).map(words).join(" ");
  return Array.isArray(cell.data) ? cell.data.map(words).join(" ") : String(cell.data ?? "");
};

for (const box of document.querySelectorAll(".gg-filter")) {
  const table = box.querySelector("table");
  const columns = [...box.classList].map((name) => /^gg-filter-(\d+)$/.exec(name)).filter(Boolean).map((m) => +m[1]);
  const heads = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const values = columns.map((column) =>
    [...new Set([...table.tBodies[0].rows].map((row) => row.cells[column].textContent.trim()))].sort());
  const stub = table.tBodies[0].rows[0]?.cells[0].tagName === "TH";  // rows have their names; the library would lose them
  const caption = table.querySelector("caption");
  const text = (cell) => (cell.text ?? cellText(cell)).trim().toLowerCase().normalize("NFD")
    .replace(/\p{Diacritic}/gu, "");
  // A choice fits the whole cell, a search a part of it.
  const fits = (terms, cell, row, column, source) =>
    terms.some((term) => source === "choice" ? text(cell) === term : text(cell).includes(term));
  const data = new simpleDatatables.DataTable(table, {
    paging: false, searchable: true, sortable: true, scrollY: "", ignorePunctuation: false, fixedColumns: false,
    rowRender: (row, shown) => { if (stub && shown.childNodes[0]) { shown.childNodes[0].nodeName = "TH"; } },
    columns: columns.map((column) => ({ select: column, searchMethod: fits })),
    labels: { placeholder: "Search all columns", searchTitle: "Search in the table", noRows: "No row fits",
              noResults: "No row fits", info: "" },
  });
  if (caption && !data.dom.querySelector("caption")) data.dom.prepend(caption);
  const bar = document.createElement("div");
  bar.className = "gg-filter-bar";
  const chosen = columns.map((column, place) => {
    const label = document.createElement("label");
    const select = document.createElement("select");
    select.append(new Option("all", ""), ...values[place].filter(Boolean).map((value) => new Option(value, value)));
    label.append(heads[column] + " ", select);
    bar.append(label);
    return select;
  });
  const count = document.createElement("output");
  count.setAttribute("aria-live", "polite");
  bar.append(count);
  const tell = () => {
    const shown = data.dom.tBodies[0].querySelectorAll("tr:not(:has(td.datatable-empty))").length;
    count.textContent = `${shown} of ${data.data.data.length} rows`;
  };
  const apply = () => {  // added by the library to what stands in its search field
    const queries = chosen.map((select, place) => ({ terms: [select.value], columns: [columns[place]] }));
    data.multiSearch(queries, "choice");
    tell();
  };
  chosen.forEach((select) => select.addEventListener("change", apply));
  box.querySelector(".datatable-top")?.prepend(bar);
  data.on("datatable.search", tell);
  data.on("datatable.sort", tell);
  tell();
  if (location.hash && box.contains(document.getElementById(location.hash.slice(1)))) {
    document.getElementById(location.hash.slice(1)).scrollIntoView();
  }
}
