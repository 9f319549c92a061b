package verify

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

func TestTrials(t *testing.T) {
	cases := []struct{ before, limit, want float64 }{
		{0.05, 0.0475, 148931}, // conversion 5 %, a drop of 5 %
		{0.5, 0.4, 496},
		{0.5, 0.5, math.Inf(1)},
		{0, 0, math.Inf(1)},
		{math.NaN(), math.NaN(), math.Inf(1)},
		{1, 0.9, math.Inf(1)},
	}
	for _, c := range cases {
		if got := Trials(c.before, c.limit); got != c.want && math.Abs(got-c.want) > c.want/1000 {
			t.Errorf("Trials(%v, %v) = %v, want %v", c.before, c.limit, got, c.want)
		}
	}
}

// The formula promises 80 % power at 1 %: draw the two samples and count.
func TestTrialsKeepTheirPromise(t *testing.T) {
	const before, limit, rounds = 0.5, 0.4, 4000
	n := int(Trials(before, limit))
	rnd := rand.New(rand.NewPCG(1, 2))
	shows := func(p float64) float64 {
		hits := 0
		for range rounds {
			a, b := draw(rnd, n, before), draw(rnd, n, p)
			mean := (a + b) / 2
			if a-b > zAlpha*math.Sqrt(2*mean*(1-mean)/float64(n)) {
				hits++
			}
		}
		return float64(hits) / rounds
	}
	if power := shows(limit); power < 0.77 || power > 0.83 {
		t.Errorf("power is %v, promised is 0.8", power)
	}
	if alarms := shows(before); alarms > 0.016 {
		t.Errorf("false alarms are %v, promised is 0.01", alarms)
	}
}

func draw(rnd *rand.Rand, n int, p float64) float64 {
	hits := 0
	for range n {
		if rnd.Float64() < p {
			hits++
		}
	}
	return float64(hits) / float64(n)
}

// A level before of few trials moves by chance: an unchanged KPI is not called gone because it
// was high.
func TestAFewTrialsBeforeProveNothing(t *testing.T) {
	const level, now, then, rounds = 0.4, 200_000, 2000, 4000
	rnd := rand.New(rand.NewPCG(1, 4))
	gone := 0
	for range rounds {
		m := measure{check: conversion, window: time.Minute, value: draw(rnd, now/100, level), hasValue: true, samples: now / 100,
			then: then, before: draw(rnd, then, level), stablePods: 2}
		m.limit = m.before
		if got, _ := m.judge(); got == record.Bad {
			gone++
		}
	}
	if share := float64(gone) / rounds; share > 0.015 {
		t.Errorf("called gone in %.3g of all, promised is 0.01", share)
	}
}
