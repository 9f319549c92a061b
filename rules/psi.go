package rules

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/autorollback/autorollback/runbook"
)

// leastBin keeps an empty bin from making the index infinite.
const leastBin = "0.0001"

// binRules record the share of each side between two neighbouring bounds, over the
// trigger's window.
func (b *book) binRules(t runbook.Trigger) []draft {
	d, _ := b.Metrics.Distribution(t.Distribution)
	cuts, sc := cutsOf(d), b.everyone()
	upTo := func(i int) string {
		is := match("signal", b.signalOf(t).name)
		sum := func(series string) string {
			return fmt.Sprintf("sum by (region, release, role) (sum_over_time(%s[%s]))", series, t.For)
		}
		return fmt.Sprintf("%s / (%s > 0)", sum(sc.rec(seriesBad, is, boundsIn("part", cuts[i:i+1]))), sum(sc.rec(seriesAll, is)))
	}
	var out []draft
	for i := range len(cuts) + 1 {
		text, words := "", ""
		switch {
		case i == 0:
			text, words = upTo(0), "up to "+num(cuts[0])
		case i == len(cuts):
			text, words = "1 - "+upTo(i-1), "above "+num(cuts[i-1])
		default:
			text, words = upTo(i)+" - "+upTo(i-1), "above "+num(cuts[i-1])+" up to "+num(cuts[i])
		}
		text = fmt.Sprintf("(%s) and on (region, release) %s", text, sc.rec(seriesRole))
		out = append(out, draft{record: seriesBin, text: text, labels: labelsOf("trigger", t.Name, "part", strconv.Itoa(i)),
			comment: fmt.Sprintf("Trigger %s: share of each side %s.", t.Name, words)})
	}
	return out
}

// stability is the population stability index: the sum over bins of (p-q) ln(p/q),
// with shares of at least leastBin.
func (b *book) stability(t runbook.Trigger, s scope) string {
	side := func(role runbook.Role) string {
		return fmt.Sprintf("clamp_min(sum by (region, release, part) (%s), %s)", s.rec(seriesBin, match("trigger", t.Name), match("role", string(role))), leastBin)
	}
	c, st := side(runbook.Candidate), side(runbook.Stable)
	return fmt.Sprintf("sum by (region, release) ((%[1]s - %[2]s) * ln(%[1]s / %[2]s))", c, st)
}

// fromReference is the greatest gap between what any version sees now and the
// reference, a Kolmogorov-Smirnov distance at the picked bounds.
func (w window) fromReference(t runbook.Trigger) string {
	d, _ := w.b.Metrics.Distribution(t.Distribution)
	text := ""
	for i, bound := range d.Buckets {
		if !slices.Contains(cutsOf(d), bound) {
			continue
		}
		series := d.Histogram + "_bucket"
		gap := fmt.Sprintf(`label_replace(abs(%s / (%s > 0) - %s), "part", %q, "", "")`,
			w.sum(w.b.raw(series, leIn(d.Buckets[i:i+1]), w.where)), w.values(d), num(float64(d.Reference[i])), strconv.Itoa(i))
		if text != "" {
			text += " or "
		}
		text += gap
	}
	if w.by == "" {
		return "max(" + text + ")"
	}
	return fmt.Sprintf("max by (%s) (%s)", w.by, text)
}

func (w window) values(d runbook.Distribution) string {
	return w.sum(w.b.raw(d.Histogram+"_bucket", `le="+Inf"`, w.where))
}
