package rules

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/autorollback/autorollback/runbook"
)

// roleRule records who plays which part, from what the daemons export: max, so that two
// daemons count once. A region for which they name two releases is left out until they
// agree; the Blind alert tells of it.
func (b *compiler) roleRule() unparsedRule {
	source := b.ours(RoleSeries)
	text := fmt.Sprintf("max by (region, release, role, version) (%s) and on (region) count by (region) (count by (region, release) (%s)) == 1", source, source)
	if t := b.Metrics.Track; t != nil {
		text = fmt.Sprintf("(%s)", text)
		for _, side := range [][2]string{{t.Candidate, string(runbook.Candidate)}, {t.Stable, string(runbook.Stable)}} {
			text = fmt.Sprintf(`label_replace(%s, "track", %s, "role", %q)`, text, strconv.Quote(strings.ReplaceAll(side[0], "$", "$$")), side[1])
		}
	}
	return unparsedRule{record: RoleRecord, text: text, comment: "Who is candidate and who is stable, while a release is in flight."}
}

// recorded is the level of both sides: the service's own series by its own labels, which
// are renamed to ours, and then joined with the roles. So it does not matter what the
// service calls its labels.
func (b *compiler) recorded(l level) unparsedRule {
	w := b.window(l.window).keeping(b.sideLabels()...)
	key, keys := b.key(), []string{"region", "release", "role"}
	text := ""
	switch {
	case l.lent:
		label, key := b.driftKey()
		scores := renamed(window{b: b, by: []string{label}}.drifted(), [][2]string{{label, key}})
		text = fmt.Sprintf("%s * on (%s) group_left () %s", b.ours(RoleRecord), key, scores)
	default:
		pairs := [][2]string{{b.Metrics.SideLabel(), key}}
		on, lend := key, "region, release, role"
		if r := b.Metrics.RegionLabel; r != "" {
			pairs = append(pairs, [2]string{r, "region"})
			on, lend = key+", region", "release, role"
		}
		if l.part != "" {
			pairs, keys = append(pairs, [2]string{l.part, "part"}), append(keys, "part")
		}
		text = fmt.Sprintf("%s * on (%s) group_left (%s) %s", renamed(l.expr(w), pairs), on, lend, b.ours(RoleRecord))
	}
	text = fmt.Sprintf("max by (%s) (%s)", runbook.LabelNames(keys...), text)
	if l.nan {
		text += " >= 0"
	}
	words := "Of each side: " + l.words
	if !l.lent {
		words += ", over " + l.window.String()
	}
	return unparsedRule{record: l.series(), text: text, comment: words + "."}
}

// key is the label of the roles by which the service's series find their side.
func (b *compiler) key() string {
	if b.Metrics.Track != nil {
		return "track"
	}
	return "version"
}

// driftKey is the label of the drift gauges that tells sides, and that of the roles by
// which they find theirs.
func (b *compiler) driftKey() (label, key string) {
	label, asSeries := b.Metrics.DriftLabel()
	if asSeries {
		return label, b.key()
	}
	return label, "version"
}

// sideLabels are the service's own labels of side and region.
func (b *compiler) sideLabels() []string {
	out := []string{b.Metrics.SideLabel()}
	if r := b.Metrics.RegionLabel; r != "" {
		out = append(out, r)
	}
	return out
}

// freeLabel is a label that a computed part can be written to before the service's
// labels are renamed. le is free once a histogram has been read.
func (b *compiler) freeLabel() string {
	if slices.Contains(b.sideLabels(), "part") {
		return "le"
	}
	return "part"
}

// renamed gives labels other names, all at once: the new name of one may be the old name
// of another.
func renamed(expr string, pairs [][2]string) string {
	pending := slices.DeleteFunc(slices.Clone(pairs), func(p [2]string) bool { return p[0] == p[1] })
	for len(pending) > 0 {
		i := slices.IndexFunc(pending, func(p [2]string) bool {
			return !slices.ContainsFunc(pending, func(o [2]string) bool { return o[0] == p[1] })
		})
		if i < 0 {
			expr = copyLabel(expr, madeRoom, pending[0][0])
			pending[0][0] = madeRoom
			continue
		}
		expr = copyLabel(expr, pending[i][1], pending[i][0])
		pending = slices.Delete(pending, i, i+1)
	}
	return expr
}

// madeRoom is a label for the moment, where names go round in a circle.
const madeRoom = "autorollback_moved"

func copyLabel(expr, to, from string) string {
	return fmt.Sprintf(`label_replace(%s, %q, "$1", %q, "(.*)")`, expr, to, from)
}
