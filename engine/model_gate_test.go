package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
)

// gated checks that a release that needs a shadow pass stands on a current one of just
// its pair of bundles, which nobody replaced before it was written.
func (m *model) gated(before, after world) {
	if !m.rb.Shadow.Needed() {
		return
	}
	r := after.release
	key := store.ShadowKey(r.Candidate.Bundle)
	text, ok := before.raw[key]
	if !ok || after.raw[key] != text {
		m.t.Fatalf("launched %s with the verdict %q, which became %q", r.Candidate.Bundle, text, after.raw[key])
	}
	v := decoded[record.ShadowVerdict](m, store.Entry{Key: key, Value: []byte(text)})
	age := m.now.Sub(v.At)
	if v.Verdict != string(shadow.Pass) || v.Stable != r.Stable.Bundle || v.Candidate != r.Candidate.Bundle || age < 0 || age > m.rb.Shadow.MaxAge.Std() || r.Shadow != v.Report {
		m.t.Fatalf("launched %+v on %+v, %s old", r, v, age)
	}
	m.outcomes["launched on a pass"]++
}

// reported is somebody who records a verdict about a launch, or not.
func (m *model) reported(l runbook.Launch) {
	if !m.rb.Shadow.Needed() {
		return
	}
	verdict := shadow.Verdict(m.pick("verdict", "pass", "pass", "pass", "block", "inconclusive", "none"))
	if verdict == "none" {
		return
	}
	g := reportOf(l, verdict, m.now)
	g.Report = "sha256:" + strings.Repeat(fmt.Sprint(rapid.IntRange(0, 9).Draw(m.t, "report")), 64)
	if rapid.IntRange(0, 9).Draw(m.t, "against another") == 0 {
		g.Stable = "sha256:" + strings.Repeat("e", 64)
	}
	if _, err := m.engines[0].recordShadow(context.Background(), g, fixture.By("ann"), m.now); err != nil && !errors.Is(err, runbook.ErrRefused) {
		m.t.Fatal(err)
	}
}
