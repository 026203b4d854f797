// A deck shows one slide at a time on a screen wide enough for it; on a telephone it stays one page that scrolls.
(() => {
  const root = document.documentElement, wide = matchMedia("(min-width: 40rem)"), paper = matchMedia("print");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  wide.addEventListener("change", () => { if (!paper.matches) { location.reload(); } });
  root.toggleAttribute("data-notes", new URLSearchParams(location.search).has("notes"));  // also what is printed
  if (!wide.matches) { return; }
  root.classList.add("gg-deck");
  document.getElementById("reveal-style").media = "screen";

  const turn = () => {
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  };
  const told = () => {
    Reveal.configure({ showNotes: root.hasAttribute("data-notes") });
    requestAnimationFrame(() => Reveal.layout());  // the slide's room has changed only now
  };

  // The speaker's window. reveal.js's own loads the deck twice more in frames, which browsers refuse a file on disk;
  // this one only shows what the deck's window tells it.
  let speaker = null, began = 0;
  const tell = () => {
    if (!speaker || speaker.closed) { return; }
    const page = speaker.document, slide = Reveal.getCurrentSlide(), next = slide.nextElementSibling;
    const heading = (section) => section?.querySelector("h1, h2").textContent ?? "the end";
    page.querySelector("h1").textContent = heading(slide);
    page.querySelector("main").replaceChildren(...[...slide.querySelector("aside.notes").childNodes]
      .map((node) => page.importNode(node, true)));
    page.querySelector("h2").textContent = `Next: ${heading(next)}`;
  };
  const clock = () => {
    if (!speaker || speaker.closed) { return; }
    const seconds = Math.floor((Date.now() - began) / 1000), part = (value) => String(value).padStart(2, "0");
    speaker.document.querySelector("output").textContent = `${part(Math.floor(seconds / 60))}:${part(seconds % 60)}`;
  };
  const open = () => {
    speaker = window.open("", "speaker", "width=760,height=620");
    if (!speaker) { root.toggleAttribute("data-notes", true); told(); return; }  // windows are blocked: beside the slide
    const page = speaker.document;
    page.documentElement.lang = "en";
    page.title = `Notes: ${document.title}`;
    page.head.replaceChildren(page.importNode(document.getElementById("deck-style"), true));
    page.body.className = "gg-speaker";
    page.body.innerHTML = "<p><output></output></p><h1></h1><main></main><h2></h2>";
    page.onkeydown = (event) => Reveal.triggerKey(event.keyCode);
    began = Date.now();
    tell();
    clock();
  };
  setInterval(clock, 1000);

  Reveal.initialize({
    width: 1280, height: 720, margin: 0.02, center: false, hash: true, transition: "none", backgroundTransition: "none",
    slideNumber: "c/t", viewDistance: 2,
  }).then(told);
  Reveal.on("slidechanged", tell);
  Reveal.addKeyBinding({ keyCode: 68, key: "D", description: "Dark or light" }, turn);
  Reveal.addKeyBinding({ keyCode: 83, key: "S", description: "Speaker's window: notes, next title, clock" }, open);
  Reveal.addKeyBinding({ keyCode: 84, key: "T", description: "Notes beside the slide, and on paper" }, () => {
    root.toggleAttribute("data-notes");
    told();
  });
})();
