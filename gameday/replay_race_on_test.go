//go:build race

package gameday

const underRace = true
