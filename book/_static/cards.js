// Cards on quoted numbers, claims and facts. They come with a script of the page's own when a reader first points at
// one. Without this script, or where popovers are unknown, the quotations' links lead on.
(() => {
  const root = document.documentElement, QUOTES = "a[data-card]", SOON = 150, LATER = 300;
  if (!root.dataset.cards || !HTMLElement.prototype.showPopover) { return; }
  const card = Object.assign(document.createElement("div"), { className: "gg-card", popover: "manual" });
  card.setAttribute("role", "dialog");
  let bodies = new Map(), loading = null, link = null, wanted = null, timer = 0, pressed = "", returning = false;

  const load = () => loading ??= new Promise((done) => {
    globalThis.ggCards = (cards) => {
      const template = Object.assign(document.createElement("template"), { innerHTML: cards });
      bodies = new Map([...template.content.children].map((one) => [one.dataset.of, one]));
    };
    document.head.append(Object.assign(document.createElement("script"), { src: root.dataset.cards, onload: done, onerror: done }));
  });

  const place = () => {
    const lines = link.getClientRects(), above = lines[0], below = lines[lines.length - 1], room = root.clientWidth;
    const up = below.bottom + card.offsetHeight + 12 > innerHeight && above.top - card.offsetHeight > 64;
    const top = up ? above.top - card.offsetHeight - 4 : below.bottom + 4;
    card.style.left = `${scrollX + Math.max(8, Math.min((up ? above : below).left, room - card.offsetWidth - 8))}px`;
    card.style.top = `${scrollY + top}px`;
  };
  const close = () => {
    clearTimeout(timer);
    wanted = null;
    if (!link) { return; }
    const back = card.contains(document.activeElement);
    card.hidePopover();
    link.setAttribute("aria-expanded", "false");
    if (back) {
      returning = true;
      link.focus({ preventScroll: true });
      returning = false;
    }
    link = null;
  };
  // `asked`: the reader pressed the quotation; where it has no card after all, its link leads on.
  const open = async (to, asked = false, inside = false) => {
    clearTimeout(timer);
    if (to !== link) {
      close();
      wanted = to;
      await load();
      if (wanted !== to) { return; }
      const body = bodies.get(to.dataset.card);
      if (!body) {
        if (asked) { location.href = to.href; }
        return;
      }
      link = to;
      card.replaceChildren(body.cloneNode(true));
      card.querySelector("[data-to]").href = to.href;
      card.lang = body.lang;
      card.setAttribute("aria-label", body.dataset.name.replace("{}", to.textContent.trim()));
      to.setAttribute("aria-expanded", "true");
      card.showPopover();
      place();
    }
    if (inside) { stops()[0].focus({ preventScroll: true }); }
  };
  const stops = () => [...card.querySelectorAll("a[href], summary")].filter((one) => one.checkVisibility());

  document.body.append(card);
  const prepare = (quote) => {  // its title would lie over the card
    quote.removeAttribute("title");
    quote.setAttribute("aria-haspopup", "dialog");
    if (quote !== link) { quote.setAttribute("aria-expanded", "false"); }
  };
  document.querySelectorAll(QUOTES).forEach(prepare);
  card.addEventListener("toggle", (event) => { if (event.target !== card && link) { place(); } }, true);  // the fold

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "mouse") { return; }
    const quote = event.target.closest(QUOTES);
    clearTimeout(timer);
    if (quote) {
      prepare(quote);  // tables with a filter draw their rows anew
      load();
      timer = setTimeout(open, SOON, quote);
    } else if (link && !card.contains(event.target) && !card.contains(document.activeElement)) {
      timer = setTimeout(close, LATER);
    }
  });
  document.addEventListener("pointerdown", (event) => {
    pressed = event.pointerType;
    if (!card.contains(event.target) && event.target.closest(QUOTES) !== link) { close(); }
  });
  document.addEventListener("focusin", (event) => {
    const quote = event.target.closest(QUOTES);
    if (returning || card.contains(event.target)) { return; }
    if (quote?.matches(":focus-visible")) { open(quote); } else if (quote !== link) { close(); }
  });
  // A mouse has seen the card and follows the link; a finger or the keyboard opens the card first.
  document.addEventListener("click", (event) => {
    const on = event.target.closest("[data-to]");
    if (on) {
      close();
      if (on.href === location.href) { dispatchEvent(new HashChangeEvent("hashchange")); }
      return;
    }
    const quote = event.target.closest(QUOTES);
    if (!quote || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) { return; }
    if (event.detail > 0 && pressed === "mouse") {
      close();
      return;
    }
    event.preventDefault();
    open(quote, true, event.detail === 0);
  });
  document.addEventListener("keydown", (event) => {
    if (!link) { return; }
    if (event.key === "Escape") {
      event.preventDefault();
      close();
    } else if (event.key === "Tab" && card.contains(event.target)) {
      const ends = stops(), leaves = event.target === (event.shiftKey ? ends[0] : ends.at(-1));
      if (leaves) {  // on from the quotation, as if the card stood behind it
        if (event.shiftKey) { event.preventDefault(); }
        close();
      }
    }
  });
  addEventListener("resize", close);
})();
