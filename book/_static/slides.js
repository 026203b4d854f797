// A deck shows one slide at a time on a screen wide enough for it; on a telephone it stays one page that scrolls.
(() => {
  const root = document.documentElement, wide = matchMedia("(min-width: 40rem)"), paper = matchMedia("print");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const turn = () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  };
  wide.addEventListener("change", () => { if (!paper.matches) { location.reload(); } });
  root.toggleAttribute("data-notes", new URLSearchParams(location.search).has("notes"));  // also what is printed
  if (!wide.matches) { return; }
  root.classList.add("gg-deck");
  document.getElementById("reveal-style").media = "screen";
  const told = () => Reveal.configure({ showNotes: root.hasAttribute("data-notes") });
  Reveal.initialize({
    width: 1280, height: 720, margin: 0.02, center: false, hash: true, transition: "none", backgroundTransition: "none",
    slideNumber: "c/t", overview: true, pdfSeparateFragments: false, viewDistance: 2, plugins: [RevealNotes],
  }).then(told);
  Reveal.addKeyBinding({ keyCode: 68, key: "D", description: "Dark or light" }, turn);
  Reveal.addKeyBinding({ keyCode: 84, key: "T", description: "Notes beside the slide, and on paper" }, () => {
    root.toggleAttribute("data-notes");
    told();
  });
})();
