package rules

import (
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/runbook"
)

// BenchmarkCompile1000 compiles and writes the rules of 1,000 runbooks of 5 triggers.
func BenchmarkCompile1000(b *testing.B) {
	const runbooks = 1000
	rbs := make([]*runbook.Runbook, runbooks)
	triggers := 0
	for i := range rbs {
		rbs[i] = ranker(fmt.Sprintf("service-%d", i))
		triggers += len(rbs[i].Triggers)
	}
	rules, size, used := 0, 0, cpuSeconds()
	for b.Loop() {
		groups, err := CompileAll(rbs)
		if err != nil {
			b.Fatal(err)
		}
		rules = 0
		for _, g := range groups {
			rules += len(g.Rules)
		}
		text, err := Marshal(groups)
		if err != nil {
			b.Fatal(err)
		}
		size = len(text)
	}
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(float64(rules)*perSecond, "rules/s")
	b.ReportMetric(float64(triggers)*perSecond, "triggers/s")
	b.ReportMetric(float64(triggers)*float64(b.N)/(cpuSeconds()-used), "triggers/cpu-s")
	b.ReportMetric(float64(size), "bytes")
}

// BenchmarkAsk prepares the questions of one runbook, as the daemon does of each at its
// start.
func BenchmarkAsk(b *testing.B) {
	rb := whole()
	for b.Loop() {
		if _, err := Ask(rb); err != nil {
			b.Fatal(err)
		}
	}
}
