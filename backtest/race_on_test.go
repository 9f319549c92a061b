//go:build race

package backtest

const underRace = true
