package report

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
)

// both is a release at 25 %, and the same one rolled back, with the three instances of the
// golden page.
func both() (up, back record.Release) {
	inc := incidents()["verifying"]
	up = record.Release{ID: inc.Release, Service: inc.Service, Region: inc.Region, Stable: inc.Stable, Candidate: inc.Candidate,
		Weight: 25, Phase: record.Open, Epoch: inc.Epoch, Applied: inc.Applied}
	back = up
	back.Weight, back.Phase, back.Incident = 0, record.RolledBack, inc.ID
	return up, back
}

func TestMessagesAboutInstances(t *testing.T) {
	var out bytes.Buffer
	up, back := both()
	for _, rel := range []record.Release{up, back} {
		all := rel.Applied.Instances
		for _, m := range []record.Message{
			InstanceNotAppliedMsg(rel, ranker(), all[1:], "0123abcd", after(23*time.Second)),
			InstanceAppliedMsg(rel, ranker(), all[2:], "0123abcd", after(36*time.Second)),
		} {
			fmt.Fprintf(&out, "%s: page=%t ends=%s incident=%s\n%s\n%s\n\n", m.ID, m.Page, clock(m.EndsAt), m.Incident, m.Title, m.Text)
		}
	}
	golden(t, "instances.txt", out.Bytes())
}

// What a router's instance answers was written by whoever answers there.
func TestHostileInstances(t *testing.T) {
	_, back := both()
	var all []record.RouterInstance
	for n := range 64 {
		all = append(all, record.RouterInstance{Address: fmt.Sprintf("http://%d.example", n), Problem: hostile, LateAt: after(0)})
	}
	m := InstanceNotAppliedMsg(back, nil, all, "x", after(0))
	for _, bad := range []string{"<", "\u202e", "://evil", "@here", "www.evil", "](http", "\n# h1"} {
		if strings.Contains(m.Title+"\n"+m.Text, bad) {
			t.Errorf("contains %q:\n%s\n%s", bad, m.Title, m.Text)
		}
	}
	if len(m.Title) > maxTitle || len(m.Text) > maxText || !strings.Contains(m.Text, "and 56 more") {
		t.Errorf("a title of %d and a text of %d bytes:\n%s", len(m.Title), len(m.Text), m.Text)
	}
}

// Until an instance follows there is something to do, whatever the verdict.
func TestAnInstanceThatDoesNotFollowIsToldAfterTheVerdict(t *testing.T) {
	inc := incidents()["recovered"]
	if text := string(Markdown(inc, ranker(), options())); !strings.Contains(text, "## Do now\n\n- Nothing: it is over\n\n") {
		t.Errorf("something is to be done:\n%s", text)
	}
	inc.Applied = incidents()["verifying"].Applied
	text := string(Markdown(inc, ranker(), options()))
	for _, want := range []string{"## Do now", "1 router instance does not follow: 10.0.0.6:8080. Restart", "| – 10.0.0.6:8080 | not yet |"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
}
