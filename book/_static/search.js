// The results of Sphinx's search as this book shows them: terms and titles first, then pages in the order of the book;
// each link opens the page at the place, with the words marked.
(() => {
  const JAPANESE = /[\u3040-\u30ff\u3400-\u9fff々〆]+/g;
  const make = (name, parts) => Object.assign(document.createElement(name), parts);
  const bare = (words) => make("span", { innerHTML: words }).textContent.trim();

  // What is marked: of a word what it shares with its stem (employment → employ), of Japanese whole runs.
  const wanted = (query) => {
    const stemmer = new Stemmer(), words = new Set(query.match(JAPANESE) ?? []);
    for (const word of splitQuery(query.replace(JAPANESE, " ").toLowerCase())) {
      if (stopwords.includes(word)) { continue; }
      const stem = stemmer.stemWord(word);
      let same = 0;
      while (same < stem.length && stem[same] === word[same]) { same += 1; }
      words.add(word.slice(0, Math.max(same, Math.min(3, word.length))));
    }
    return [...words];
  };

  // Which entries of the glossary an anchor stands for.
  const terms = new Map();
  const named = (doc, anchor) => {
    if (!terms.size) {
      for (const [term, places] of Object.entries(Search._index.indexentries)) {
        for (const [file, id] of places) { terms.set(`${Search._index.docnames[file]}#${id}`, term); }
      }
    }
    return terms.get(doc + anchor);
  };
  const inOrder = () => new Map([...document.querySelectorAll(".gg-book-nav a")].map((link, place) =>
    [link.pathname.replace(/^.*\/(?=book\/)/, "").replace(/\.html$/, ""), place]));

  // A quotation of the page, in a place that is kept for it, so that it moves nothing when it comes.
  const excerpt = async (page, words, item) => {
    if (location.protocol === "file:") { return; }  // from a folder nothing can be fetched: titles alone
    const quote = make("p", { className: "context" });
    item.append(quote);
    const answer = await fetch(page).catch(() => null);
    if (!answer?.ok) { return quote.remove(); }
    const there = new DOMParser().parseFromString(await answer.text(), "text/html");
    const block = found.place(there.querySelector("main article"), words, false);
    let shown = block ?? make("p", { textContent: there.querySelector("meta[name=description]")?.content });
    while (shown.tagName === "DT" && shown.nextElementSibling) { shown = shown.nextElementSibling; }  // a term: its definition
    for (const sign of shown.querySelectorAll(".headerlink, pre, svg, math, a[href^='http']:not([class*='gg-'])")) { sign.remove(); }
    const text = shown.textContent.replace(/\s+/g, " ").trim(), first = text.search(found.pattern(words));
    const from = first < 120 ? 0 : text.lastIndexOf(" ", first - 90) + 1, to = text.indexOf(" ", from + 260);
    quote.lang = (block ?? there.documentElement).closest("[lang]").lang;
    quote.textContent = `${from ? "… " : ""}${to < 0 ? text.slice(from, from + 300) : `${text.slice(from, to)} …`}`;
    found.mark(quote, words);
  };

  Search.query = (query) => {
    const [asked, ...parts] = Search._parseQuery(query);
    localStorage.removeItem("sphinx_highlight_terms");
    const words = wanted(query), pages = new Map(), order = inOrder();
    for (const [doc, title, anchor, , score] of Search._performSearch(asked, ...parts)) {
      const entry = pages.get(doc) ?? { doc, score: 0, places: [] };
      pages.set(doc, entry);
      entry.score = Math.max(entry.score, score);
      if (anchor && !entry.places.some((one) => one[1] === anchor)) {
        entry.places.push([score, anchor, named(doc, anchor) ?? bare(title).split(" > ").at(-1)]);
      }
    }
    const ranked = [...pages.values()].sort((a, b) =>
      b.score - a.score || (order.get(a.doc) ?? 999) - (order.get(b.doc) ?? 999));
    for (const { doc, places } of ranked) {
      const page = `${document.documentElement.dataset.content_root}${doc}.html`, item = make("li");
      const to = (anchor, words_) => make("a", { href: `${page}?highlight=${encodeURIComponent(words.join(" "))}${anchor}`,
        textContent: words_ });
      item.append(to("", bare(Search._index.titles[Search._index.docnames.indexOf(doc)])));
      places.sort((a, b) => b[0] - a[0]);
      if (places.length) {
        const list = make("p", { className: "gg-places" });
        places.slice(0, 6).forEach(([, anchor, name], at) => list.append(at ? " · " : "", to(anchor, name)));
        item.append(list);
      }
      Search.output.append(item);
      if (words.length) { excerpt(page, words, item); }
    }
    Search.stopPulse();
    Search.title.textContent = "Results";
    const many = ranked.length === 1 ? "One page" : `${ranked.length} pages`;
    Search.status.textContent = ranked.length ? `${many} of the book with “${query.trim()}”.`
      : `No page of the book has “${query.trim()}”. Fewer words, or one of them alone, may find more.`;
  };
})();
