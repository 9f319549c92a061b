// Package chart draws every picture of the program: curves over time with a limit and the
// marks of an incident, small curves for cards, bars, and maps of shades. A picture is an SVG
// made on the server, of class names that [Style] colours for light and dark paper, with its
// content in words beside it. Its text keeps its size and its curves stretch, so that it reads
// at 320 pixels as on a wide screen, on paper, and without a script.
//
// It is no plotting library on purpose. gonum/plot would bring 63 packages and 7 MB into the
// daemon, go-analyze/charts 13, go-chart 11, and all of them write colours, sizes and fonts as
// style attributes of each element, which our Content-Security-Policy refuses and dark paper
// needs otherwise; go-echarts draws with a script; none of them has a text alternative or lays
// out labels for a phone.
//
// It never decides anything, never asks anybody for data, and never writes a name as markup:
// all of them are escaped. What is no finite number is not drawn.
package chart
