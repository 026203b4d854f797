// Explorers: when one is opened, the Vega runtime and its data are loaded and drawn; its controls draw it anew.
// The page is whole without: explorers are shown only where scripts run. Classic scripts, so that file:// works too.
(() => {
  const root = document.documentElement.dataset.content_root, runtime = "_static/vendor/vega-6.4.0.js", loading = {};
  const load = (file) => loading[file] ??= new Promise((done, failed) => {
    document.head.append(Object.assign(document.createElement("script"), { src: root + file, onload: done, onerror: failed }));
  });
  const signed = (value, digits = 3) => (value < 0 ? "−" : "+") + Math.abs(value).toFixed(digits);
  const count = (value) => value.toLocaleString("en-US");
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const median = (values) => {
    const order = [...values].sort((a, b) => a - b), half = order.length / 2;
    return (order[Math.ceil(half) - 1] + order[Math.floor(half)]) / 2;
  };
  const rowsOf = (columns) => {
    const all = Object.entries(columns);
    return Array.from((all[0][1].codes ?? all[0][1]), (_, row) =>
      Object.fromEntries(all.map(([name, c]) => [name, c.levels ? c.levels[c.codes[row]] : c[row]])));
  };

  // Each kind: rows and choices in; tables to draw, words of the axes and a sentence out.
  const question = ["outcome", "horizon", "weights"];
  const curve = (rows, choice) => {
    const all = rows.filter((row) => question.every((name) => row[name] === choice[name])).sort((a, b) => a.value - b.value);
    all.forEach((row, place) => { row.rank = place + 1; });
    const held = Object.entries(choice).filter(([, option]) => option);
    const match = all.filter((row) => held.every(([name, option]) => row[name] === option));
    const values = match.map((row) => row.value), middle = median(values);
    const whole = `${count(all.length)} for “${choice.outcome}”, ${choice.horizon}, ${choice.weights}`;
    const absent = held.find(([name, option]) => !all.some((row) => row[name] === option));
    let text = "No specification matches: " + (absent ? `“${absent[1]}” is no choice for “${choice.outcome}”, ${choice.horizon}.`
      : "imputation allows for year effects only, and of all filers sectors are known in the firm panel.");
    if (match.length === 1) {
      const [it] = match, p = it.p_permutation === null ? "" : ` Permutation p ${it.p_permutation.toFixed(3)}.`;
      text = `Estimate ${signed(it.value)} log points, 95 % interval ${signed(it.ci_low)} to ${signed(it.ci_high)}; n = `
        + `${count(it.n)} (${count(it.firms)} firms, ${count(it.starters)} starters).${p} Rank ${count(it.rank)} of ${whole}, `
        + `from the lowest; the median of all is ${signed(median(all.map((row) => row.value)))}.`;
    } else if (match.length) {
      const above = match.filter((row) => row.ci_low > 0).length, below = match.filter((row) => row.ci_high < 0).length;
      text = `${count(match.length)} of ${whole} match. Median ${signed(middle)} log points, from ${signed(values[0])} to `
        + `${signed(values.at(-1))}. The 95 % interval lies above zero in ${count(above)} of them and below zero in ${count(below)}.`;
    }
    return { tables: { all, match, median: match.length ? [{ value: middle }] : [] }, words: {}, text };
  };

  // Slope within countries, Newey–West errors within them (3 lags), t interval: `models.within_slope`.
  const within = (points) => {
    const groups = Object.values(Object.groupBy(points, (row) => row.iso3)).map((own) => {
      const x = mean(own.map((row) => row.x)), y = mean(own.map((row) => row.y));
      return own.map((row) => [row.x - x, row.y - y]);
    });
    const sum = (of) => groups.reduce((total, own) => total + of(own), 0);
    const cross = sum((own) => own.reduce((total, [x]) => total + x * x, 0));
    const slope = sum((own) => own.reduce((total, [x, y]) => total + x * y, 0)) / cross;
    const meat = sum((own) => {
      const score = own.map(([x, y]) => x * (y - slope * x));
      return [1, 1.5, 1, 0.5].reduce((total, weight, lag) =>
        total + weight * score.slice(lag).reduce((part, value, place) => part + value * score[place], 0), 0);
    });
    const n = points.length, free = n - groups.length - 1, z = 1.959964;
    const t = z + (z ** 3 + z) / (4 * free) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * free ** 2)
      + (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * free ** 3);
    const half = t * Math.sqrt(meat * n / free) / cross;
    return { slope, low: slope - half, high: slope + half };
  };
  const panel = (rows, choice, words) => {
    const chosen = new Set(choice.countries), name = { x: words("x"), y: words("y") }, last = {};
    const points = rows.filter((row) => chosen.has(row.iso3) && row.year >= +choice.first && row.year <= +choice.last)
      .map(({ iso3, country, year, group, ...row }) => ({
        iso3, country, year, group, x: { ...row, year }[choice.x], y: row[choice.y] }))
      .filter((row) => row.x !== null && row.y !== null);
    for (const row of points) { if (row.group === "other countries") { last[row.iso3] = row; } }
    const labels = Object.values(last), lines = choice.x === "year" ? points : [];
    const groups = Object.groupBy(points, (row) => row.country), number = Object.keys(groups).length;
    const what = `${count(points.length)} points, ${number} ${number === 1 ? "country" : "countries"}`;
    let fit = [], text = `${what}.`;
    if (!points.length) {
      text = "Nothing to draw: choose a country, and years with data, the first before the last.";
    } else if (lines.length) {
      text = `${what}. Mean of ${name.y}: ${signed(mean(points.map((row) => row.y)), 2)}`
        + (number > 1 && number < 5 ? ` (${Object.entries(groups).map(([country, own]) =>
          `${country} ${signed(mean(own.map((row) => row.y)), 2)}`).join(", ")}).` : ".");
    } else if (choice.x === choice.y) {
      text += " Choose two different series.";
    } else if (points.length < 10 + number) {
      text += " Too few for a slope.";
    } else {
      const { slope, low, high } = within(points), xs = points.map((row) => row.x), x0 = mean(xs), y0 = mean(points.map((row) => row.y));
      const from = Math.min(...xs), step = (Math.max(...xs) - from) / 24;
      fit = Array.from({ length: 25 }, (_, place) => {
        const x = from + place * step, ends = [y0 + low * (x - x0), y0 + high * (x - x0)];
        return { x, y: y0 + slope * (x - x0), low: Math.min(...ends), high: Math.max(...ends) };
      });
      text = `Slope ${signed(slope, 2)}, 95 % interval ${signed(low, 2)} to ${signed(high, 2)}; ${what}.`;
    }
    return { tables: { points, lines, fit, labels: labels.length > 8 ? [] : labels }, words: name, text };
  };

  // The choices that differ from the chapter's stand in the address, #explorer-LABEL?name=value, so they can be shared.
  const boxesOf = (form, name) => [...form.querySelectorAll(`input[name="${CSS.escape(name)}"]`)];
  const addressOf = (box) => {
    const form = box.querySelector("form"), held = new URLSearchParams();
    for (const select of form.querySelectorAll("select")) {
      if (!select.selectedOptions[0]?.defaultSelected) { held.set(select.name, select.value); }
    }
    for (const name of new Set([...form.querySelectorAll("input[type=checkbox]")].map((one) => one.name))) {
      const all = boxesOf(form, name);
      if (all.some((one) => one.checked !== one.defaultChecked)) {
        held.set(name, all.filter((one) => one.checked).map((one) => one.value).join(" "));
      }
    }
    return `#${box.id}` + (held.size ? `?${held}` : "");
  };
  const restore = (box, query) => {  // what an address names and the controls have not is left out, and said
    const form = box.querySelector("form"), lost = [];
    for (const select of form.querySelectorAll("select")) {
      select.value = [...select.options].find((one) => one.defaultSelected)?.value ?? select.options[0].value;
    }
    for (const one of form.querySelectorAll("input[type=checkbox]")) { one.checked = one.defaultChecked; }
    for (const [name, value] of new URLSearchParams(query)) {
      const all = boxesOf(form, name), select = form.querySelector(`select[name="${CSS.escape(name)}"]`);
      if (all.length) {
        const wanted = value.split(" ").filter(Boolean);
        for (const one of all) { one.checked = wanted.includes(one.value); }
        lost.push(...wanted.filter((it) => !all.some((one) => one.value === it)).map((it) => `${name} “${it}”`));
      } else if (select && [...select.options].some((one) => one.value === value)) {
        select.value = value;
      } else {
        lost.push(`${name} “${value}”`);
      }
    }
    box.dataset.lost = lost.join(", ").slice(0, 200);
  };

  const start = (box, { kind, data, spec }) => {
    const rows = rowsOf(data), form = box.querySelector("form"), frame = box.querySelector(".gg-explorer-frame");
    const output = box.querySelector("output"), text = JSON.stringify(spec);
    const words = (name) => form.elements[name].selectedOptions[0].text;
    let view;
    const draw = async () => {
      const choice = { ...Object.fromEntries(new FormData(form)), countries: new FormData(form).getAll("countries") };
      if (kind === "curve") { delete choice.countries; }
      const seen = { curve, panel }[kind](rows, choice, words);
      const filled = JSON.parse(text.replace(/@(\w+)/g, (_, name) => seen.words[name]));
      for (const table of filled.data) { if (table.name in seen.tables) { table.values = seen.tables[table.name]; } }
      Object.assign(filled, { width: frame.clientWidth, height: frame.clientHeight });
      const { lost } = box.dataset;
      output.textContent = (lost ? `The address names what is no choice here and is left out: ${lost}. ` : "") + seen.text;
      box.querySelector(".gg-explorer-link").href = addressOf(box);
      view?.finalize();
      view = new vega.View(vega.parse(filled), { renderer: "svg", container: frame, hover: false });
      await view.runAsync();
      const picture = frame.querySelector("svg");
      picture.setAttribute("role", "img");
      picture.setAttribute("aria-label", `${box.querySelector("summary").textContent}: ${seen.text}`);
    };
    const change = () => {
      box.dataset.lost = "";
      history.replaceState(null, "", addressOf(box));
      return draw();
    };
    form.addEventListener("change", change);
    form.addEventListener("reset", () => setTimeout(change));
    box.addEventListener("restored", draw);
    form.addEventListener("submit", (event) => event.preventDefault());
    for (const button of form.querySelectorAll("button[data-set]")) {
      button.addEventListener("click", () => {
        const set = button.dataset.set.split(" ");
        for (const box of form.querySelectorAll("input[type=checkbox]")) { box.checked = set.includes(box.value); }
        change();
      });
    }
    let width = frame.clientWidth;
    new ResizeObserver(() => {
      if (frame.clientWidth && frame.clientWidth !== width) { width = frame.clientWidth; draw(); }
    }).observe(frame);
    return draw();
  };

  const arrive = () => {
    const [name, query] = location.hash.slice(1).split(/\?(.*)/s);
    const box = query !== undefined && document.getElementById(name);
    if (!box || !box.matches(".gg-explorer")) { return; }
    restore(box, query);
    box.open = true;
    box.scrollIntoView();
    box.dispatchEvent(new Event("restored"));
  };
  for (const box of document.querySelectorAll(".gg-explorer")) {
    const label = box.dataset.explorer;
    box.addEventListener("toggle", async () => {
      if (!box.open || box.dataset.state) { return; }
      box.dataset.state = "loading";
      try {
        await Promise.all([load(runtime), load(`explorers/${label}.js`)]);
        await start(box, ggExplorers[label]);
        box.dataset.state = "drawn";
      } catch (error) {
        box.dataset.state = "";
        box.querySelector("output").textContent = "The explorer could not be loaded. The figure above has the same data.";
        throw error;
      }
    });
  }
  addEventListener("hashchange", arrive);
  arrive();
})();
