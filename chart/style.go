package chart

// Style is the CSS of all pictures, for light and dark paper and for print. A page appends it
// to its own style; it names no element but those of a picture.
const Style = `
svg.chart, svg.spark { display: block; overflow: visible; --c-ink: #1f2328; --c-soft: #59636e; --c-grid: #d9dee3; --c-paper: #fff; --c-band: #e6b45a;
  --c-candidate: #b4430a; --c-stable: #1f62b0; --c-sign: #6a4fb3; --c-limit: #1f2328; --c-good: #1a7f4b; --c-bad: #b3261e; --c-warn: #9a6200; --c-plain: #7d8792; }
@media (prefers-color-scheme: dark) { svg.chart, svg.spark { --c-ink: #dfe3e8; --c-soft: #98a2ad; --c-grid: #353b42; --c-paper: #16191d; --c-band: #8a6a2a;
  --c-candidate: #f5a561; --c-stable: #86b1e8; --c-sign: #b9a3f0; --c-limit: #dfe3e8; --c-good: #5fc08c; --c-bad: #f0827a; --c-warn: #dba53f; --c-plain: #7d8792; } }
svg.chart { margin: .5rem 0 1rem; }
svg.alone { margin: 0; background: var(--c-paper); }
svg.spark { display: inline-block; vertical-align: middle; }
.chart text { fill: var(--c-ink); font: 12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; text-anchor: start;
  paint-order: stroke; stroke: var(--c-paper); stroke-width: 3px; stroke-linejoin: round; }
.chart text.middle { text-anchor: middle; } .chart text.end { text-anchor: end; }
.chart text.title { font-size: 13px; font-weight: 600; } .chart text.name { font-weight: 600; }
.chart text.soft, .chart text.tick { fill: var(--c-soft); }
.chart .grid { stroke: var(--c-grid); stroke-width: 1; } .chart .base { stroke: var(--c-soft); stroke-width: 1; }
.chart .mark { stroke: var(--c-ink); stroke-width: 1; stroke-dasharray: 2 2; }
.chart .band { fill: var(--c-band); fill-opacity: .35; }
.chart .line, .spark .line { fill: none; stroke: var(--c-ink); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.chart .candidate, .spark .candidate { stroke: var(--c-candidate); stroke-width: 2.5; }
.chart .stable, .spark .stable { stroke: var(--c-stable); stroke-dasharray: 6 4; }
.chart .significance, .spark .significance { stroke: var(--c-sign); }
.chart .limit, .spark .limit { stroke: var(--c-limit); stroke-width: 1.25; stroke-dasharray: 2 3; stroke-linecap: butt; }
.chart .span { fill: var(--c-plain); } .chart .span.good { fill: var(--c-good); } .chart .span.bad { fill: var(--c-bad); } .chart .span.warn { fill: var(--c-warn); }
.chart text.bad { fill: var(--c-bad); font-weight: 600; } .chart .line.over { stroke: var(--c-bad); }
.chart .bar { fill: var(--c-plain); stroke: none; } .chart .bar.stable, .chart .dot.stable { fill: var(--c-stable); } .chart .bar.candidate, .chart .dot.candidate { fill: var(--c-candidate); }
.chart .dot { fill: var(--c-plain); stroke: var(--c-paper); stroke-width: 1; stroke-dasharray: none; }
.chart .tile { stroke: var(--c-paper); stroke-width: 1; fill: var(--c-bad); } .chart .hn { fill: var(--c-grid); } .chart .h0 { fill-opacity: .08; } .chart .h1 { fill-opacity: .22; }
.chart .h2 { fill-opacity: .38; } .chart .h3 { fill-opacity: .55; } .chart .h4 { fill-opacity: .75; } .chart .framed { stroke: var(--c-ink); stroke-width: 2; }
@media print { svg.chart { break-inside: avoid; } }
`
