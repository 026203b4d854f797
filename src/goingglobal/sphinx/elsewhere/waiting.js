// On a page of JupyterLite: says so where Python does not start within a minute, and takes it back if it does.
(() => {
  const LIMIT = 60;  // seconds
  const ALIVE = new Set(["idle", "busy"]);
  let waited = 0, dismissed = false;

  function words() {
    const box = document.createElement("div");
    box.id = "gg-waiting";
    box.setAttribute("role", "alert");
    box.style.cssText = "position:fixed;z-index:10000;left:0;right:0;bottom:0;padding:1em 1.5em;background:#fff4e5;"
      + "color:#1a1a1a;border-top:3px solid #b45309;font:1rem/1.5 system-ui,sans-serif;max-height:60vh;overflow:auto";
    const [head, why, todo, button] = ["strong", "p", "ul", "button"].map((name) => document.createElement(name));
    head.textContent = "Python has not started within a minute.";
    why.textContent = "Cells will not run until it does. It comes from PLACE, and a slow or filtered network, or a "
      + "browser extension that blocks scripts, can keep it away. If the connection is slow, it may still come.";
    for (const advice of [
      "Reload this page; what you have changed is kept in the browser.",
      "Try another network or browser, or switch off extensions that block scripts for this page.",
      "Read the chapter on the book's site, which shows every result, or run it on your own machine: the page "
        + "“Rerun it anywhere” says how.",
    ]) {
      todo.append(Object.assign(document.createElement("li"), { textContent: advice }));
    }
    button.textContent = "Close";
    button.type = "button";
    button.style.cssText = "font:inherit;padding:.25em 1em";
    button.addEventListener("click", () => { dismissed = true; box.remove(); });
    why.style.margin = todo.style.margin = ".4em 0";
    box.append(head, why, todo, button);
    return box;
  }

  function alive() {
    const sign = document.querySelector(".jp-Notebook-ExecutionIndicator");
    return sign !== null && ALIVE.has(sign.dataset.status);
  }

  setInterval(() => {
    const asked = new URLSearchParams(location.search).has("path") || document.querySelector(".jp-Notebook");
    waited = asked && !alive() ? waited + 1 : 0;
    const shown = document.getElementById("gg-waiting");
    if (waited >= LIMIT && !shown && !dismissed) {
      document.body.append(words());
    } else if (waited === 0 && shown) {
      shown.remove();
    }
  }, 1000);
})();
