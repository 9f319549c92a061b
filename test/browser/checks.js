// What the tests ask a page. It runs in the page by the browser's debugger, which no policy of the page hinders.
// Each answer is a list of sentences; empty: nothing is wrong.
(() => {
  const name = (e) => {
    const words = (e.getAttribute('aria-label') || e.innerText || e.value || '').trim().replace(/\s+/g, ' ').slice(0, 40);
    return '<' + e.tagName.toLowerCase() + (e.id ? ' id=' + e.id : '') + (e.className && e.className.baseVal === undefined ? ' class=' + e.className : '') + '> ' + words;
  };
  const shown = (e) => e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true });

  // What axe-core calls a violation, each with its elements: of all its rules, or of those about colours.
  const axe = async (colours) => {
    const found = await window.axe.run(document, { resultTypes: ['violations'], preload: false, ...(colours && { runOnly: ['color-contrast', 'link-in-text-block'] }) });
    if (found.passes.length + found.violations.length + found.incomplete.length + found.inapplicable.length === 0) return ['axe-core has no rules'];
    return found.violations.map((v) => `${v.id}: ${v.help}: ` + v.nodes.slice(0, 4).map((n) => n.target.join(' ')).join(', ') +
      (v.nodes.length > 4 ? ` and ${v.nodes.length - 4} more` : ''));
  };

  // What is wider than a screen of so many pixels, or scrolls sideways in itself.
  const wide = (width) => {
    const bad = [];
    if (document.documentElement.scrollWidth > width) {
      bad.push(`the page is ${document.documentElement.scrollWidth} px wide, the screen ${width}`);
    }
    const told = [];
    for (const e of document.querySelectorAll('body, body *')) {
      if (e.ownerSVGElement || !shown(e) || told.some((t) => t.contains(e))) continue;
      const before = bad.length;
      const box = e.getBoundingClientRect();
      if (box.width > 0 && box.right > width + 1) bad.push(`${name(e)} ends at ${Math.round(box.right)} px`);
      if (getComputedStyle(e).overflowX !== 'visible' && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0 && e.tagName !== 'INPUT') {
        bad.push(`${name(e)} scrolls sideways: ${e.scrollWidth} px in ${e.clientWidth}`);
      }
      if (bad.length > before && e !== document.body) told.push(e); // what is in it is no news
    }
    return bad.slice(0, 6);
  };

  // What is too small to be read: text below nine pixels, also in a picture that was scaled down.
  const small = () => {
    const bad = {};
    for (const e of document.querySelectorAll('body, body *')) {
      const words = [...e.childNodes].filter((n) => n.nodeType === Node.TEXT_NODE).map((n) => n.data.trim()).join(' ').trim();
      if (!words || !shown(e) || e.closest('title, desc, style, script')) continue;
      const scale = e instanceof SVGGraphicsElement ? Math.abs(e.getScreenCTM().a) : 1;
      const size = parseFloat(getComputedStyle(e).fontSize) * scale;
      const at = e.closest('svg') ? 'the picture ' + name(e.closest('svg')) : name(e);
      if (size < 9 && !bad[at]) bad[at] = `${at} has text of ${size.toFixed(1)} px: ${words.slice(0, 40)}`;
    }
    return Object.values(bad);
  };

  const controls = () => [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')]
    .filter((e) => shown(e) && !e.disabled && e.type !== 'hidden' && e.tabIndex >= 0);

  // Whose turn it is: its place among the controls, and what is wrong with how that shows.
  const focused = () => {
    const e = document.activeElement;
    if (!e || e === document.body || e === document.documentElement) return { At: -1, Name: 'nothing', Wrong: [] };
    const bad = [];
    const style = getComputedStyle(e);
    if (!e.matches(':focus-visible')) bad.push(`${name(e)}: focus is not meant to be seen`);
    if ((style.outlineStyle === 'none' || parseFloat(style.outlineWidth) < 1) && style.boxShadow === 'none') {
      bad.push(`${name(e)}: focus shows no outline`);
    }
    const box = e.getClientRects()[0] || e.getBoundingClientRect();
    const x = box.left + Math.min(box.width, innerWidth) / 2, y = box.top + box.height / 2;
    const top = document.elementFromPoint(x, y);
    if (!top) bad.push(`${name(e)}: has the focus outside the screen, at ${Math.round(x)}, ${Math.round(y)}`);
    else if (!e.contains(top) && !top.contains(e) && !(e.labels && [...e.labels].some((l) => l.contains(top)))) {
      bad.push(`${name(e)}: has the focus under ${name(top)}`);
    }
    return { At: controls().indexOf(e), Name: name(e), Wrong: bad };
  };

  // Which of the elements are not wholly on the screen, of which there must be so many.
  const onScreen = (selector, many) => {
    const all = [...document.querySelectorAll(selector)].filter(shown);
    const bad = all.length === many ? [] : [`${all.length} elements are ${selector}, want ${many}`];
    for (const e of all) {
      const box = e.getBoundingClientRect();
      if (box.top < 0 || box.left < 0 || box.bottom > innerHeight || box.right > innerWidth) {
        bad.push(`${name(e)} is at ${Math.round(box.top)} to ${Math.round(box.bottom)} px, the screen ends at ${innerHeight}`);
      } else if (!e.contains(document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2))) {
        bad.push(`${name(e)} is covered`);
      }
    }
    return bad;
  };

  window.checks = { axe, wide, small, controls: () => controls().map(name), focused, onScreen, links: () => [...document.links].map((a) => a.href) };
})();
