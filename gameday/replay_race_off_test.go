//go:build !race

package gameday

const underRace = false
