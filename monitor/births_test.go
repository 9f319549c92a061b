package monitor

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/rules"
)

// Which part of the counts the gate does not see.
func TestBirths(t *testing.T) {
	for _, c := range []struct {
		name    string
		measure rules.Measure
		feed    map[string]string
		n       int
		want    string // in each interval: all/bad, born of them
	}{
		{"events that are requests", requests(), map[string]string{"requests{code=200}": "5:100 20:110 35:120 50:130", "requests{code=500}": "35:5 50:7"}, 4,
			"[0/0] [10/0] [15/5 born 5/5] [12/2]"},
		{"events of their own", failures(), map[string]string{"requests": "5:100 20:110 35:120", "failures": "20:4 35:5"}, 3, "[0/0] [10/4 born 0/4] [10/1]"},
		{"events beside successes", apart(), map[string]string{"requests": "5:100 20:110 35:120 50:130", "failures": "35:5 50:7"}, 4,
			"[0/0] [10/0] [15/5 born 5/5] [12/2]"},
		{"events alone", apart(), map[string]string{"requests": "5:100 20:100", "failures": "5:3 20:10"}, 2, "[0/0] [7/7]"},
		{"a restart of both", apart(), map[string]string{"requests": "5:100 20:110 35:4", "failures": "5:30 20:30 35:2"}, 3, "[0/0] [10/0] [6/2]"},
		{"no more of them than opportunities", failures(), map[string]string{"requests": "5:100 20:110", "failures": "20:14"}, 2, "[0/0] [10/10 born 0/10]"},
		{"a restart is none", requests(), map[string]string{"requests{code=200}": "5:100 20:110 35:3", "requests{code=500}": "5:1 20:2 35:2"}, 3, "[0/0] [11/1] [5/2]"},
		{"values of a mean", revenue(), map[string]string{"requests": "5:100 20:110", "sums": "20:40", "squares": "20:90"}, 2, "[0/0] [10/40 born 0/40]"},
		{"one that comes back is none", failures(), map[string]string{
			"requests": "5:10 20:20 35:30 50:40 65:50 80:60 95:70 110:80 125:90", "failures": "5:1 20:2 125:4"}, 9,
			"[0/0] [10/1] [10/0] [10/0] [10/0] [10/0] [10/0] [10/0] [10/2]"},
	} {
		got := ""
		for _, in := range follow(NewCounter(ranker(), []rules.Measure{c.measure}, release), c.feed, c.n) {
			var p analysis.PodCount
			if counts := in.Counts[c.measure.Name]; len(counts) > 0 {
				p = counts[0]
			}
			got += fmt.Sprintf(" [%v/%v", p.All, p.Bad)
			if p.Born != (analysis.PartCount{}) {
				got += fmt.Sprintf(" born %v/%v", p.Born.All, p.Born.Bad)
			}
			got += "]"
		}
		if got != " "+c.want {
			t.Errorf("%s:\ngot  %s\nwant  %s", c.name, got, c.want)
		}
	}
}

func TestBirthsOfParts(t *testing.T) {
	for _, shared := range []bool{false, true} {
		feed := map[string]string{"rows{feature=a}": "5:100 20:110", "rows{feature=b}": "5:100 20:110", "nulls{feature=b}": "20:3"}
		out := follow(NewCounter(ranker(), []rules.Measure{features(shared)}, release), feed, 2)
		p := out[1].Counts[analysis.Features][0]
		born := analysis.PartCount{}
		for _, b := range p.BornParts {
			born = b
		}
		if len(p.BornParts) != len(p.Parts) || born != (analysis.PartCount{Bad: 3}) {
			t.Errorf("shared rows %v: parts %v, born %v", shared, p.Parts, p.BornParts)
		}
	}
}
