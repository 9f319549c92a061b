package runbook

import "fmt"

// checkShare checks the counters of a KPI that is a share.
func (k KPI) checkShare(p *page, at string) {
	p.metric(at+".successes", k.Successes, "name the counter of successes, e.g. orders_total; for a mean such as the revenue per request, write sum and squares instead")
	if k.Successes == k.Trials && k.Trials != "" {
		p.add(at+".trials", "is the same counter as successes", "name the counter of all trials")
	}
	if p.has(at + ".unit") {
		p.add(at+".unit", "does not belong to a share", "leave it out: a share has no unit; a mean, declared by sum and squares, may have one")
	}
}

// checkMean checks those of a KPI that is a mean.
func (k KPI) checkMean(p *page, at string) {
	if p.has(at + ".successes") {
		p.add(at+".successes", "stands beside sum and squares", "keep one of the two: successes for a share of trials, sum and squares for a mean per trial")
	}
	p.metric(at+".sum", k.Sum, "name the counter of what the trials bring, e.g. revenue_total")
	p.metric(at+".squares", k.Squares, "name the counter to which each trial adds the square of what it adds to sum, e.g. revenue_squared_total: without it nobody knows how far chance moves the mean")
	for _, same := range []struct{ field, name, other, than string }{
		{"squares", k.Squares, k.Sum, "sum"}, {"trials", k.Trials, k.Sum, "sum"}, {"trials", k.Trials, k.Squares, "squares"},
	} {
		if same.name != "" && same.name == same.other {
			p.add(at+"."+same.field, "is the same counter as "+same.than, "name three different counters: of the values, of their squares and of the trials")
			break
		}
	}
	if len(k.Unit) > longestUnit {
		p.add(at+".unit", fmt.Sprintf("%s is longer than %d bytes", quoted(k.Unit), longestUnit), "write a short unit, e.g. EUR")
	}
}

// longestUnit keeps the texts of an incident short.
const longestUnit = 16
