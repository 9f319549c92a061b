package report

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

func compose(name string, inc record.Incident) []record.Message {
	now, rb := after(13*time.Second), ranker()
	all := []record.Message{Opened(inc, rb, now)}
	switch name {
	case "awaiting":
		return append(all, Asking(inc, rb, now), RejectedMsg(inc, rb, record.Approval{By: "alice", Reason: "a marketing campaign"}, now))
	case "acted":
		return append(all, Acted(inc, rb, now), NotAppliedMsg(inc, rb, now))
	case "held":
		observed := inc
		observed.Decision = record.Decision{Action: record.Hold, Would: record.RollBack, Guard: "observe", Reasons: []string{"observe mode"}}
		return append(all, HeldMsg(inc, rb, now), ExternalChangeMsg(inc, rb, now), HeldMsg(observed, rb, now))
	case "verifying":
		return append(all, VerifyingMsg(inc, rb, now))
	case "wrong_cause":
		return append(all, FrozenMsg(inc, rb, now), VerdictMsg(inc, rb, now))
	case "recovered":
		inc.Business = inc.Verdict
		sealed := inc
		sealed.Evidence, sealed.EvidenceDigest = "incidents/"+inc.ID, "sha256:aaaa"
		return append(all, VerdictMsg(inc, rb, now), BusinessMsg(inc, rb, now), EvidenceMsg(sealed, rb, now))
	case "not_recovered", "cannot_tell":
		return append(all, VerdictMsg(inc, rb, now))
	}
	return all
}

func TestMessages(t *testing.T) {
	var out bytes.Buffer
	all := incidents()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		for _, m := range compose(name, all[name]) {
			fmt.Fprintf(&out, "%s: %s page=%t ends=%s approval=%s\n%s\n%s\n\n", name, m.ID, m.Page, clock(m.EndsAt), m.Approval, m.Title, m.Text)
			if n := utf8.RuneCountInString(m.Title); n > 80 || strings.HasSuffix(m.Title, "…") {
				t.Errorf("%s: a title of %d characters: %s", m.ID, n, m.Title)
			}
			if m.StartsAt != breach || m.Incident != all[name].ID || m.Schema != runbook.Schema {
				t.Errorf("%s: %+v", m.ID, m)
			}
		}
	}
	golden(t, "messages.txt", out.Bytes())
}

func TestHostileMessages(t *testing.T) {
	inc := hostileIncident()
	inc.Phase = record.Unconfirmed
	for _, rb := range []*runbook.Runbook{ranker(), nil} {
		now := after(time.Minute)
		for _, m := range []record.Message{
			Opened(inc, rb, now), Asking(inc, rb, now), Acted(inc, rb, now), HeldMsg(inc, rb, now), FrozenMsg(inc, rb, now), ExternalChangeMsg(inc, rb, now),
			VerdictMsg(inc, rb, now), BusinessMsg(inc, rb, now), NotAppliedMsg(inc, rb, now), RejectedMsg(inc, rb, record.Approval{By: hostile, Reason: hostile}, now),
		} {
			for _, bad := range []string{"<", "\u202e", "\u200b", "://evil", "@here", "www.evil", "](http", "\n# h1"} {
				if strings.Contains(m.Title+"\n"+m.Text, bad) {
					t.Errorf("%s contains %q:\n%s\n%s", m.Kind, bad, m.Title, m.Text)
				}
			}
			if len(m.Title) > maxTitle || len(m.Text) > maxText || strings.Contains(m.Title, "\n") {
				t.Errorf("%s: a title of %d and a text of %d bytes", m.Kind, len(m.Title), len(m.Text))
			}
		}
	}
}

func TestEndings(t *testing.T) {
	at := after(time.Hour)
	for name, want := range map[string]string{
		"recovered": "opened acted", "held": "opened external_change! held! held frozen!", "awaiting": "opened approval!", "unconfirmed": "opened opened!",
	} {
		inc := incidents()[name]
		for kind := range strings.FieldsSeq(want) {
			kind, page := strings.CutSuffix(kind, "!")
			inc.Fire(kind, page)
			inc.Fire(kind, page)
		}
		var kinds []string
		for _, m := range Endings(inc, at) {
			kinds = append(kinds, m.Kind+map[bool]string{true: "!"}[m.Page])
			if !m.EndsAt.Equal(at) || m.StartsAt != breach {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if got := strings.Join(kinds, " "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// The digest of sealed evidence leaves in the text of a message, which ends with the incident.
func TestTheDigestOfEvidenceLeaves(t *testing.T) {
	inc := incidents()["recovered"]
	inc.Evidence, inc.EvidenceDigest = "incidents/inc-0123456789ab", "sha256:aaaa"
	m := EvidenceMsg(inc, ranker(), breach)
	if !strings.Contains(m.Text, "Manifest: sha256:aaaa") || m.Page || !m.EndsAt.Equal(inc.Verdict.At) {
		t.Errorf("%+v", m)
	}
	inc.Evidence, inc.EvidenceDigest, inc.Verdict = "incomplete: the disk is full", "", nil
	if m := EvidenceMsg(inc, ranker(), breach); !strings.Contains(m.Title, "not complete") || !strings.Contains(m.Text, "the disk is full") || !m.EndsAt.IsZero() {
		t.Errorf("%+v", m)
	}
}
