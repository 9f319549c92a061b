package monitor

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

func TestParts(t *testing.T) {
	for _, c := range []struct {
		name    string
		measure rules.Measure
		feed    map[string]string
		n       int
		want    string
		parts   string
	}{
		{"by name", features(false), map[string]string{
			"rows{feature=b}": "5:10 20:20", "rows{feature=a}": "5:100 20:105", "nulls{feature=b}": "5:1 20:3"}, 2, "- [{5,0},{10,2}]", "[a b]"},
		{"shared rows", features(true), map[string]string{
			"rows": "5:10 20:20", "nulls{feature=b}": "5:1 20:3", "nulls{feature=a}": "5:1 20:2"}, 2, "- [{10,1},{10,2}]", "[a b]"},
		{"a later part comes last", features(true), map[string]string{
			"rows": "5:10 20:20 35:30 50:40", "nulls{feature=b}": "5:1 20:3 35:5 50:7", "nulls{feature=z}": "35:1 50:2", "nulls{feature=a}": "35:2 50:2"}, 4,
			"- [{10,2}] [{10,2},{10,2},{10,1}] [{10,2},{10,0},{10,1}]", "[b a z]"},
		{"no more missing values than rows", features(false), map[string]string{
			"rows{feature=a}": "5:10 20:11", "nulls{feature=a}": "5:1 20:9"}, 2, "- [{1,1}]", "[a]"},
		{"a new feature: not before its second sample", features(false), map[string]string{
			"rows{feature=b}": "5:10 20:20 35:30", "rows{feature=a}": "20:7 35:9", "nulls{feature=a}": "20:7 35:8"}, 3, "- [{10,0},{0,0}] [{10,0},{2,1}]", "[b a]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			counter := NewCounter(ranker(), []rules.Measure{c.measure}, release)
			expect(t, said(follow(counter, c.feed, c.n), analysis.Features, "c1"), c.want)
			expect(t, fmt.Sprint(counter.measures[0].placed()), c.parts)
		})
	}
}

// placed are the parts by their place.
func (m *measure) placed() []string {
	out := make([]string, m.known)
	for at, place := range m.place {
		if place != unplaced {
			out[place] = m.names[at]
		}
	}
	return out
}

func TestPartsAreBounded(t *testing.T) {
	counter := NewCounter(ranker(), []rules.Measure{features(true)}, release)
	add(counter, "rows", "5:10")
	for i := range mostParts + 10 {
		add(counter, fmt.Sprintf("nulls{feature=f%d}", i), "5:1")
	}
	counter.Close(end(1))
	if n := len(counter.measures[0].placed()); n != mostParts {
		t.Errorf("%d parts", n)
	}
}
