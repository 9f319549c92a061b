package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/runbook"
)

// leIn selects the buckets with these upper bounds, however they are written: 1, 1.0,
// 1e+06, 1000000, 1.0E6.
func leIn(bounds ...float64) string {
	var out []string
	for _, v := range bounds {
		out = append(out, spellings(v))
	}
	return fmt.Sprintf("le=~%q", strings.Join(out, "|"))
}

// spellings is a regular expression of the ways to write a number.
func spellings(v float64) string {
	plain := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(plain, ".") {
		plain += "([.]0*)?"
	}
	plain = strings.ReplaceAll(plain, "[.]", "\x00")
	plain = strings.ReplaceAll(strings.ReplaceAll(plain, ".", "[.]"), "\x00", "[.]")
	if a := max(v, -v); v == 0 || a >= 1e-3 && a < 1e6 {
		return plain
	}
	digits, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'e', -1, 64), "e")
	if !strings.Contains(digits, ".") {
		digits += "([.]0*)?"
	} else {
		digits = strings.Replace(digits, ".", "[.]", 1)
	}
	sign, power := "[+]?", strings.TrimLeft(exponent[1:], "0")
	if exponent[0] == '-' {
		sign = "-"
	}
	return fmt.Sprintf("%s|%s[eE]%s0*%s", plain, digits, sign, power)
}

// exact writes a bound.
func exact(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// values are the observations of a distribution in a window, in the buckets that the
// picked bounds need.
func (w window) values(d runbook.Distribution) string {
	some := strings.TrimSuffix(leIn(analysis.Cuts(d)...), `"`) + `|[+]Inf"`
	return w.keeping("le").rate(w.b.of(d.BucketSeries(), some))
}

// A part is one of several things that a signal counts side by side.
type part struct{ name, expr string }

// parted is all parts, told apart by a label.
func parted(label string, parts []part) string {
	var out []string
	for _, p := range parts {
		out = append(out, fmt.Sprintf(`label_replace(%s, %q, %q, "", "")`, p.expr, label, p.name))
	}
	return strings.Join(out, " or ")
}

// upTo are the shares of values at or below each picked bound.
func (w window) upTo(d runbook.Distribution) []part {
	var out []part
	for _, cut := range analysis.Cuts(d) {
		out = append(out, part{exact(cut), fmt.Sprintf("histogram_fraction(-Inf, %s, %s)", exact(cut), w.values(d))})
	}
	return out
}

// bins are the shares of values between each two neighbouring picked bounds.
func (w window) bins(d runbook.Distribution) []part {
	from := "-Inf"
	var out []part
	for _, cut := range append(slices.Clone(analysis.Cuts(d)), 0) {
		to, name := exact(cut), "up to "+exact(cut)
		if len(out) == len(analysis.Cuts(d)) {
			to, name = "+Inf", "above "+from
		}
		out = append(out, part{name, fmt.Sprintf("histogram_fraction(%s, %s, %s)", from, to, w.values(d))})
		from = to
	}
	return out
}

// fromReference is the greatest gap between what any version sees now and the
// reference, a Kolmogorov-Smirnov distance at the picked bounds.
func (w window) fromReference(t runbook.Trigger) string {
	d, _ := w.b.Metrics.Distribution(t.Distribution)
	parts := w.upTo(d)
	for i, cut := range analysis.Cuts(d) {
		parts[i].expr = fmt.Sprintf("abs(%s - %s)", parts[i].expr, num(float64(d.Reference[slices.Index(d.Buckets, cut)])))
	}
	return w.aggregate("max", fmt.Sprintf("(%s) >= 0", parted("le", parts)))
}
