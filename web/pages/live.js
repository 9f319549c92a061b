// Keeps the dashboard up to date: what changed comes from /live, and clocks run down. It orders nothing.
'use strict';
(() => {
  const cards = document.getElementById('cards');
  if (!cards || !window.EventSource) return;

  const two = n => String(n).padStart(2, '0');
  const clock = ms => {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s >= 172800) return Math.floor(s / 86400) + ' d ' + Math.floor(s % 86400 / 3600) + ' h';
    if (s >= 3600) return Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) + ':' + two(s % 60);
    return Math.floor(s / 60) + ':' + two(s % 60);
  };
  const tick = () => {
    for (const t of document.querySelectorAll('time.left')) {
      const text = clock(Date.parse(t.dateTime) - Date.now());
      if (t.textContent !== text) t.textContent = text;
    }
  };

  const said = document.getElementById('said');
  const state = card => card && card.querySelector('.is strong') ? card.querySelector('.is strong').textContent : '';
  const replace = (id, html) => {
    const old = document.getElementById(id);
    if (!old) return;
    const focus = old.contains(document.activeElement) ? document.activeElement.id : '';
    if (id === 'cards' && focus) { // whoever is about to press something keeps what is under the finger
      const news = document.getElementById('news');
      if (news) news.textContent = 'The list has changed: reload.';
      return;
    }
    const open = [...old.querySelectorAll('details[open]')].map(d => d.id);
    const made = document.createElement('template');
    made.innerHTML = html;
    const fresh = made.content.firstElementChild;
    if (!fresh) return;
    if (old.matches('.card') && state(old) !== state(fresh)) said.textContent = fresh.querySelector('h2').textContent + ': ' + state(fresh);
    old.replaceWith(fresh);
    for (const d of open) { const again = document.getElementById(d); if (again) again.open = true; }
    if (focus) { const again = document.getElementById(focus); if (again) again.focus(); }
  };

  const url = '/live' + location.search;
  const stream = new EventSource(url);
  stream.onmessage = e => { const part = JSON.parse(e.data); replace(part.id, part.html); tick(); };
  stream.onerror = () => { const news = document.getElementById('news'); if (news) news.textContent = 'Not live: reload for news.'; };
  tick();
  setInterval(tick, 1000);
})();
