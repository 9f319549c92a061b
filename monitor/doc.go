// Package monitor watches every open release: each interval it takes the raw samples of
// both sides from Prometheus, makes counts per pod of them, hands these to package
// analysis, and keeps and exports what comes of it. It keeps nothing that cannot be had
// again: after a start, or when Prometheus was away, it is rebuilt from Prometheus' own
// history.
//
// It never decides anything, never writes, and asks Prometheus for nothing but queries.
package monitor
