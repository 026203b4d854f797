// Words that were searched for: where on a page they stand, and marks on them. Used by the page of results and, where
// a result is opened (`?highlight=…`), by the page itself.
(() => {
  const OUT = "pre, code, svg, math, script, style, template, button, select, .gg-links, .gg-cite, .gg-turn, .headerlink";
  const escaped = (word) => word.replace(/[.*+\-?^${}()|[\]\\]/g, "\\$&");
  const JAPANESE = /^[\u3040-\u30ff\u3400-\u9fff々〆]/;
  // A word stands for all that begin with it; Japanese has no spaces to begin after.
  const pattern = (words) => new RegExp(words.map((word) =>
    JAPANESE.test(word) ? escaped(word) : `(?<![\\p{L}\\p{N}])${escaped(word)}[\\p{L}\\p{N}]*`).join("|"), "giu");
  const held = (text, words) => words.filter((word) => pattern([word]).test(text)).length;

  // The paragraph, row, caption or (if wanted) heading with the most of the words; of equals the first.
  const TEXTS = "p, li, dt, dd, tr, figcaption";
  const place = (main, words, headings = true) => {
    let best = null, most = 0;
    for (const block of main.querySelectorAll(headings ? `h1, h2, h3, h4, ${TEXTS}` : TEXTS)) {
      const count = block.closest(OUT) ? 0 : held(block.textContent, words);
      if (count > most) { [best, most] = [block, count]; }
    }
    return best;
  };
  const mark = (root, words) => {
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT), texts = [];
    while (walker.nextNode()) { if (!walker.currentNode.parentElement.closest(OUT)) { texts.push(walker.currentNode); } }
    for (const text of texts) {
      const found = [...text.data.matchAll(pattern(words))];
      if (!found.length) { continue; }
      const parts = [];
      let at = 0;
      for (const one of found) {
        parts.push(text.data.slice(at, one.index), Object.assign(document.createElement("mark"), { textContent: one[0] }));
        at = one.index + one[0].length;
      }
      text.replaceWith(...parts, text.data.slice(at));
    }
  };
  globalThis.found = { place, mark, pattern };

  const asked = new URLSearchParams(location.search).get("highlight"), main = document.querySelector("main article");
  const words = (asked ?? "").split(/\s+/).filter(Boolean).slice(0, 12);
  if (!words.length || !main) { return; }
  const block = place(main, words);
  mark(main, words);
  for (let fold = block?.closest("details"); fold; fold = fold.parentElement.closest("details")) { fold.open = true; }
  const go = () => { if (!location.hash) { block?.scrollIntoView({ block: "center", behavior: "instant" }); } };
  go();
  addEventListener("load", go);
})();
