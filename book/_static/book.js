// Small comforts on every page; each page is whole without them.
(() => {
  const root = document.documentElement, system = matchMedia("(prefers-color-scheme: dark)");
  const paint = () => {
    const mode = root.dataset.mode;
    root.dataset.theme = mode === "auto" ? (system.matches ? "dark" : "light") : mode;
    for (const button of document.querySelectorAll(".theme-switch-button")) {
      button.setAttribute("aria-label", `Colours: ${mode === "auto" ? "as the system" : mode}; change`);
    }
  };
  const remember = (mode) => { try { localStorage.setItem("mode", mode); } catch { /* private windows may refuse */ } };

  // Code under a closed fold opens when it is what a link leads to.
  const unfold = () => {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { return; }
    let target = document.getElementById(name), opened = false;
    // A number leads to the cell that reported it: to its code, also where that is folded.
    if (target?.matches(".gg-anchor")) {
      const cell = target.closest(".cell");
      target = cell?.querySelector("details.above-input > summary, details.hide > summary, .cell_input") ?? target;
      opened = true;
    }
    for (let fold = target?.closest("details"); fold; fold = fold.parentElement.closest("details")) {
      opened ||= !fold.open;
      fold.open = true;
    }
    if (opened) { target.scrollIntoView({ behavior: "instant" }); }
  };

  const copying = () => {
    if (!navigator.clipboard) { return; }
    for (const block of document.querySelectorAll("div.highlight, pre.gg-bibtex, pre.gg-snippet")) {
      const text = () => (block.querySelector("pre") ?? block).textContent.trimEnd();
      const button = Object.assign(document.createElement("button"), { type: "button", className: "gg-copy", textContent: "Copy" });
      button.addEventListener("click", async () => {
        await navigator.clipboard.writeText(text());
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 1500);
      });
      const frame = Object.assign(document.createElement("div"), { className: "gg-copying" });
      block.before(frame);
      frame.append(block, button);
    }
  };

  // The section in view is marked in the contents.
  const following = () => {
    const links = new Map([...document.querySelectorAll(".gg-book-nav li.current li a[href^='#']")]
      .map((link) => [link.hash.slice(1), link]));
    const heads = [...document.querySelectorAll("article section[id]")].filter((section) => links.has(section.id));
    if (!heads.length) { return; }
    const mark = () => {
      const past = heads.filter((section) => section.getBoundingClientRect().top < innerHeight / 3).at(-1);
      for (const [id, link] of links) { link.classList.toggle("gg-here", id === past?.id); }
    };
    let waiting = false;
    addEventListener("scroll", () => {
      if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; mark(); }); }
    }, { passive: true });
    mark();
  };

  // Frames are stops for the keyboard only where there is something to scroll.
  const frames = () => {
    const all = [...document.querySelectorAll(".gg-scroll, .gg-math-block, pre")];
    // All are measured before one is changed: a change in between would have the page laid out anew for each.
    const scrolls = all.map((frame) => frame.scrollWidth > frame.clientWidth);
    all.forEach((frame, n) => { if (scrolls[n]) { frame.tabIndex = 0; } else { frame.removeAttribute("tabindex"); } });
  };

  // Left and right turn pages, unless they have something else to move: text, a choice, a frame that scrolls.
  const turn = (event) => {
    const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    if (!way || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) { return; }
    if (event.target.closest("input, select, textarea, [contenteditable], [tabindex='0'], .gg-card, .gg-explorer")) { return; }
    document.querySelector(`.gg-turn a[rel="${way}"]`)?.click();
  };

  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll(".theme-switch-button")) {
      button.addEventListener("click", () => {
        const modes = ["auto", "light", "dark"];
        root.dataset.mode = modes[(modes.indexOf(root.dataset.mode) + 1) % modes.length];
        remember(root.dataset.mode);
        paint();
      });
    }
    system.addEventListener("change", paint);
    paint();
    copying();
    following();
    unfold();
    addEventListener("hashchange", unfold);
    // Until a page is loaded, and once more in the frame after, the browser goes to the place of the link itself, below
    // the code that was opened.
    addEventListener("load", () => requestAnimationFrame(() => requestAnimationFrame(unfold)));
    frames();
    addEventListener("resize", frames);
    document.addEventListener("keydown", turn);
    if (new URLSearchParams(location.search).has("highlight")) {  // opened from the page of results
      document.head.append(Object.assign(document.createElement("script"), { src: `${root.dataset.content_root}_static/found.js` }));
    }
    document.addEventListener("keydown", (event) => {
      const search = document.querySelector(".gg-search input");
      if (search && event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
          && !event.target.closest("input, select, textarea, [contenteditable]")) {
        event.preventDefault();
        search.focus();
      }
    });
  });
})();
