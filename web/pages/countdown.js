(() => {
  const two = n => String(n).padStart(2, "0");
  const words = s => {
    const m = Math.floor(s / 60), h = Math.floor(m / 60);
    if (h) return m % 60 ? `${h} h ${two(m % 60)} m` : `${h} h`;
    if (m) return s % 60 ? `${m} m ${two(s % 60)} s` : `${m} m`;
    return `${s} s`;
  };
  const begun = Date.now();
  const tick = () => {
    const past = Math.floor((Date.now() - begun) / 1000);
    for (const e of document.querySelectorAll("[data-left]")) e.textContent = words(Math.max(0, e.dataset.left - past));
    for (const e of document.querySelectorAll("[data-age]")) e.textContent = words(+e.dataset.age + past);
  };
  setInterval(tick, 1000);
})();
