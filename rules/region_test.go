package rules_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/test/fixture"
)

// The rules of a region that has a Prometheus of its own read no series of ours about another
// region, and each alert says whose it is: the watchdog too.
func TestRulesOfOneRegion(t *testing.T) {
	rb := fixture.Runbook(t, "page")
	rb.Regions = []string{"eu", "us"}
	g, err := rules.Compile(rb.Only("eu", true))
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range g.Rules {
		for part := range strings.SplitSeq(r.Expr.String(), "autorollback_") {
			if at := strings.Index(part, `service="ranker"`); at > 0 && !strings.Contains(part[:at], `region="eu"`) {
				t.Errorf("%s%s reads every region: autorollback_%s", r.Record, r.Alert, part)
			}
		}
		if r.Alert != "" && r.Labels["region"] != "eu" {
			t.Errorf("%s has the labels %v", r.Alert, r.Labels)
		}
	}
	text, err := rules.Marshal([]rules.Group{g})
	if err != nil {
		t.Fatal(err)
	}
	if _, dog, _ := strings.Cut(string(text), "AutorollbackWatchdog"); !strings.Contains(dog, `region: "eu"`) {
		t.Errorf("the watchdog does not say whose it is:\n%s", dog)
	}
	if d := rules.Verify([]rules.Group{g}, [][]byte{text}); len(d) != 0 {
		t.Errorf("differs from itself: %v", d)
	}
	whole, err := rules.Compile(rb)
	if err != nil {
		t.Fatal(err)
	}
	if d := rules.Verify([]rules.Group{whole}, [][]byte{text}); !slices.ContainsFunc(d, func(d rules.Drift) bool { return d.Trigger == "watchdog" }) {
		t.Errorf("the rules of one region pass for those of all: %v", d)
	}
}
