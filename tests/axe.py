"""What axe finds serious on a page, without asking it thousands of times about the same.

    found = axe.look(browser)           # what its rules find, and how the page's texts look
    axe.look(browser, found)            # the same page in other colours
    axe.faint(browser, found["looks"])  # which of these looks are too faint to read (leaves the page)

Contrast is decided by a text's colour, size, weight and shadow, and by the layers of colour it stands on. A book has
some dozens of such looks and tens of thousands of texts: axe is asked about each look once, on a page made of them.
Its other rules see the page without the strokes of pictures (read by their label; their lettering is tested by itself)
and the marks of code, where these have nothing but a look. They are not asked again about a page in other colours whose
elements, texts and places are the same. Rules whose findings axe never calls serious do not run.
"""

from __future__ import annotations

import json
from pathlib import Path

SOURCE = (Path(__file__).parent / "vendor" / "axe-4.14.1.min.js").read_text(encoding="utf-8")
ASK = """
const ask = (what, rules, wanted) => axe.run(what, {resultTypes: ['violations'], runOnly: rules}).then(found => ({
  rules: found.passes.length + found.violations.length,
  faults: found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).map(v => wanted(v))}));
"""
BARE = """
const DRAWING = ['circle', 'clipPath', 'defs', 'g', 'line', 'path', 'pattern', 'rect', 'style', 'text', 'tspan', 'use'];
const DRAWN = ['class', 'clip-path', 'cx', 'cy', 'd', 'fill', 'height', 'id', 'patternUnits', 'r', 'style', 'transform',
  'type', 'width', 'x', 'xlink:href', 'y'];
const bare = (e, tags, names) => [...e.querySelectorAll('*')].every(
  part => tags.includes(part.tagName) && part.getAttributeNames().every(name => names.includes(name)));
const drawings = [...document.querySelectorAll('svg[role=img]')].filter(e => bare(e, DRAWING, DRAWN));
const codes = [...document.querySelectorAll('.highlight pre')].filter(e => bare(e, ['SPAN'], ['class']));
const LINKS = 'a[href], [role=link]', BLOCKS = ['block', 'list-item', 'table', 'flex', 'grid', 'inline-block'];
"""
# All that rules without an eye for colour can see; of icons for one of both modes, only that they are hidden; and of
# links all that can tell them from the words around them, but for which colours these have.
SHAPE = BARE + """
const done = arguments[0], whole = new Set([...drawings, ...codes]), all = [document.title];
const icons = new Set([...document.querySelectorAll('svg[aria-hidden=true]')].filter(e => bare(e, DRAWING, DRAWN)));
const walk = e => {
  if (icons.has(e)) return all.push(e.tagName, ...[...e.querySelectorAll('*')].map(part => part.tagName));
  const {x, y, width, height} = e.getBoundingClientRect();
  all.push(e.tagName, x, y, width, height, getComputedStyle(e).overflow, e.checkVisibility({visibilityProperty: true}));
  for (const {name, value} of e.attributes) all.push(name === 'data-theme' || `${name}=${value}`);
  if (whole.has(e)) return all.push(e.tagName === 'PRE' && e.textContent);
  for (const node of e.childNodes) {
    if (node.nodeType === 1) walk(node); else if (node.nodeType === 3) all.push(node.data);
  }
  all.push(')');
};
walk(document.documentElement);
const TELLING = ['display', 'background-image', 'font-family', 'font-weight', 'font-style', 'font-size',
  'text-decoration-line', 'text-decoration-style', 'border-bottom-style', 'border-bottom-width', 'border-top-style',
  'border-top-width', 'outline-style', 'outline-width'];
const near = new Set();
for (const link of document.querySelectorAll(LINKS)) {
  for (let e = link; e && !near.has(e); e = e.parentElement) {
    near.add(e);
    if (e !== link && BLOCKS.includes(getComputedStyle(e).display)) break;
  }
}
for (const e of near) {
  const style = getComputedStyle(e), line = style.getPropertyValue('text-decoration');
  all.push([...TELLING.map(name => style.getPropertyValue(name)), line.split(' ').length < 3 && line,
    ...['border-bottom-color', 'border-top-color', 'outline-color'].map(
      name => /[,/] 0\\)$/.test(style.getPropertyValue(name)))].join());
}
crypto.subtle.digest('SHA-256', new TextEncoder().encode(all.join())).then(
  bytes => done([...new Uint8Array(bytes)].join()));
"""
RULES = ASK + BARE + """
const done = arguments[0], aside = [];
const swap = (e, ...nodes) => {
  const before = [...e.childNodes];
  aside.push(() => e.replaceChildren(...before));
  e.replaceChildren(...nodes);
};
drawings.forEach(e => swap(e));
codes.forEach(e => swap(e, e.textContent));
// A link that its letters or a line tell from the words around it breaks no rule, whatever their colours are.
const told = link => {
  for (let e = link.parentElement; e; e = e.parentElement) {
    if (!axe.commons.color.elementIsDistinct(link, e)) return false;
    if (BLOCKS.includes(getComputedStyle(e).display)) return true;
  }
};
axe.setup(document);
const alike = [...document.querySelectorAll(LINKS)].filter(
  link => !told(link) && axe.commons.dom.isInTextBlock(link));
axe.teardown();
const serious = axe._audit.rules.filter(rule => rule.enabled && !['minor', 'moderate'].includes(rule.impact)
  && !rule.tags.some(tag => axe._audit.tagExclude.includes(tag))).map(rule => rule.id);
const words = v => `${v.impact} ${v.id}: ${v.nodes.slice(0, 3).map(n => n.html.slice(0, 160)).join(' | ')}`;
(async () => {
  const names = serious.filter(id => !['color-contrast', 'link-in-text-block'].includes(id));
  const found = await ask(document, names, words);
  if (alike.length) found.faults.push(...(await ask({include: alike}, ['link-in-text-block'], words)).faults);
  aside.forEach(back => back());
  done({...found, serious, alike: alike.length});
})();
"""
# A look is the layers that a text stands on, from the page to itself, and its own lettering, as inline styles. Where a
# layer, or something that is laid over or under the text, does not hold all of it, it has both looks.
LOOKS = """
const LAYER = {'background-color': 'rgba(0, 0, 0, 0)', 'background-image': 'none', 'opacity': '1', 'filter': 'none',
  'mix-blend-mode': 'normal'};
const LETTERS = ['color', '-webkit-text-fill-color', 'font-size', 'font-weight', 'text-shadow'];
const styles = new Map(), boxes = new Map(), chains = new Map([[null, []]]);
const style = e => styles.get(e) ?? styles.set(e, getComputedStyle(e)).get(e);
const box = e => boxes.get(e) ?? boxes.set(e, e.getBoundingClientRect()).get(e);
const says = (e, names) => names.map(name => `${name}: ${style(e).getPropertyValue(name)}`).join('; ');
const chain = e => {
  if (!chains.has(e)) {
    const set = Object.keys(LAYER).filter(name => style(e).getPropertyValue(name) !== LAYER[name]);
    const before = chain(e.parentElement), clips = style(e).overflow !== 'visible';
    chains.set(e, set.length || clips ? [...before, {e, clips, words: set.length ? says(e, set) : ''}] : before);
  }
  return chains.get(e);
};
const holds = (a, b) =>
  a.left - 1 <= b.left && b.right <= a.right + 1 && a.top - 1 <= b.top && b.bottom <= a.bottom + 1;
const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
const apart = [...document.body.querySelectorAll('*')].filter(
  e => !e.ownerSVGElement && style(e).backgroundColor !== LAYER['background-color']
  && e.checkVisibility({visibilityProperty: true, opacityProperty: true})
  && (style(e).position !== 'static' || style(e).float !== 'none' || style(e).transform !== 'none'));
const found = {};
const add = (layers, e) => {
  found[JSON.stringify([layers.filter(Boolean), says(e, LETTERS)])] ??= e.outerHTML.slice(0, 160);
};
const judge = e => {
  const layers = chain(e), words = layers.map(layer => layer.words);
  add(words, e);
  layers.forEach((layer, at) => {
    if (layer.words && !layers.slice(at).some(part => part.clips) && !holds(box(layer.e), box(e))) {
      add(words.toSpliced(at, 1), e);
    }
  });
  for (const other of apart) {
    if (!other.contains(e) && !e.contains(other) && meet(box(other), box(e))) {
      add([...words, says(other, ['background-color'])], e);
    }
  }
};
const seen = e => e.checkVisibility({visibilityProperty: true}) && !e.closest('svg, :disabled');
const reader = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT,
  node => node.tagName === 'svg' ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
const texts = new Set();
while (reader.nextNode()) if (reader.currentNode.data?.trim()) texts.add(reader.currentNode.parentElement);
for (const e of document.querySelectorAll('input, select, textarea')) texts.add(e);
for (const e of texts) if (seen(e)) judge(e);
return found;
"""
FAINT = ASK + """
const looks = arguments[0], done = arguments[1];
document.body.style.margin = 0;
[...looks, [[], 'color: black']].forEach(([layers, letters], place) => {
  let inner = document.body;
  for (const layer of layers) {
    inner = inner.appendChild(document.createElement('div'));
    inner.style = layer;
  }
  const text = inner.appendChild(document.createElement('p'));
  text.style = letters;
  text.className = `look-${place}`;
  text.textContent = 'Words';
});
ask(document, ['color-contrast'], v => v.nodes.map(n => [n.html, n.any[0].message])).then(done);
"""
_judged: dict[str, str] = {}


def look(browser, before: dict | None = None) -> dict:
    """Of the page that the browser shows: how many `rules` had something to judge, their `faults`, `looks` of texts.

    `before`: what was found on it in other colours, if it was. Its faults are not told again, and axe is not asked
    again where all but colours is the same and no link is told from the words around it by its colour alone.
    """
    found = {"looks": browser.execute_script(LOOKS), "shape": browser.execute_async_script(SHAPE)}
    if before and before["shape"] == found["shape"] and not before["alike"]:
        return {**before, **found, "faults": []}
    if not browser.execute_script("return 'axe' in window"):
        browser.execute_script(SOURCE)
    return {**browser.execute_async_script(RULES), **found}


def faint(browser, looks: dict[str, str]) -> list[str]:
    """What axe says of each look that is too faint, and an element that has it; the browser shows another page then."""
    new = [name for name in looks if name not in _judged]
    if new:
        browser.get("about:blank")
        browser.execute_script(SOURCE)
        found = browser.execute_async_script(FAINT, [json.loads(name) for name in new])
        assert found["rules"], "axe has looked at nothing"
        _judged.update(dict.fromkeys(new, ""))
        for html, words in (node for nodes in found["faults"] for node in nodes):
            place = int(html.partition("look-")[2].partition('"')[0])
            _judged[new[place]] = words
    return [f"{_judged[name]}: {example}" for name, example in looks.items() if _judged[name]]
