package bench

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// BenchmarkGenerateRules is what `autorollback rules generate` does for 1,000 runbooks of
// five triggers, from the files' text to the text of the rule file.
func BenchmarkGenerateRules(b *testing.B) {
	const runbooks = 1000
	var texts [runbooks][]byte
	for i := range texts {
		texts[i] = bytes.Replace(demo.Runbook, []byte("service: ranker"), fmt.Appendf(nil, "service: ranker-%d", i), 1)
	}
	count, size, triggers := 0, 0, 0
	for b.Loop() {
		groups := make([]rules.Group, runbooks)
		count, triggers = 0, 0
		for i, text := range texts {
			rb, err := runbook.Parse("ranker.yaml", text)
			if err != nil {
				b.Fatal(err)
			}
			if groups[i], err = rules.Compile(rb); err != nil {
				b.Fatal(err)
			}
			count += len(groups[i].Rules)
			triggers += len(rb.Triggers)
		}
		out, err := rules.Marshal(groups)
		if err != nil {
			b.Fatal(err)
		}
		size = len(out)
	}
	if triggers != 5*runbooks {
		b.Fatalf("%d triggers, want %d", triggers, 5*runbooks)
	}
	perSecond := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(float64(count)*perSecond, "rules/s")
	b.ReportMetric(float64(triggers)*perSecond, "triggers/s")
	b.ReportMetric(float64(size)/(1<<20), "MiB")
}
