package templates_test

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

// Names that YAML reads as something else when they stand without quotes are among them.
var services = []string{"ranker", "a", "7up", "123", "1e5", "null", "true", "2024-01-01", strings.Repeat("x-9", 21)}

// archive is the box that a template leaves empty: where evidence is kept, only the team knows.
const archive = "evidence archived"

func TestTemplatesLoadCleanAndTickEveryOtherBox(t *testing.T) {
	for _, kind := range templates.Kinds() {
		for _, service := range services {
			t.Run(kind+"/"+service, func(t *testing.T) {
				rb := parse(t, kind, service)
				if rb.Service != service {
					t.Errorf("service is %q", rb.Service)
				}
				if rb.Policy.Mode != runbook.Observe {
					t.Errorf("mode is %s: a new runbook must not act yet", rb.Policy.Mode)
				}
				for _, box := range rb.SelfChecks() {
					if box.OK == (box.Name == archive) || box.OK == (box.Fix != "") {
						t.Errorf("box %q: %s; %s", box.Name, box.Why, box.Fix)
					}
				}
			})
		}
	}
}

// What only the team knows is reported of every template until it is filled in, field by field.
func TestLeftoversOfATemplateAreReported(t *testing.T) {
	theirs := strings.NewReplacer("my-team", "ranking", "+00 000 0000", "extension 7", "tracker.example.com", "tracker.ranking.test")
	for _, kind := range templates.Kinds() {
		t.Run(kind, func(t *testing.T) {
			text, err := templates.New(kind, "ranker")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, box := range parse(t, kind, "ranker").Leftovers() {
				got = append(got, box.Name)
				if box.OK || box.Why == "" || box.Fix == "" {
					t.Errorf("%+v", box)
				}
			}
			want := []string{"owner.team", "owner.contact", "owner.escalation", "communication.channel",
				"follow_up.tracker", "communication.labels.team"}
			if !slices.Equal(got, want) {
				t.Errorf("reported %v, want %v", got, want)
			}
			filled, err := runbook.Parse("filled.yaml", []byte(theirs.Replace(string(text))))
			if err != nil {
				t.Fatal(err)
			}
			for _, box := range append(filled.SelfChecks(), filled.Leftovers()...) {
				if !box.OK {
					t.Errorf("filled in, and still empty: %+v", box)
				}
			}
		})
	}
}

// A recipe fills in every template, and says what it rests on and what it cannot tell.
func TestRecipesLoadCleanAndTickEveryOtherBox(t *testing.T) {
	for _, recipe := range templates.Recipes() {
		notes := templates.Notes(recipe)
		for _, want := range []string{"Names: ", "cannot tell:\n- "} {
			if !strings.Contains(notes, want) {
				t.Errorf("%s does not say %q", recipe, want)
			}
		}
		for _, kind := range templates.Kinds() {
			text, err := templates.NewWith(kind, "ranker", recipe)
			if err != nil {
				t.Fatal(err)
			}
			rb, err := runbook.Parse(kind+".yaml", text)
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", kind, recipe, err, text)
			}
			open := slices.ContainsFunc(rb.SelfChecks(), func(c runbook.SelfCheck) bool { return c.OK == (c.Name == archive) })
			if open || bytes.Contains(text, []byte("my-service")) {
				t.Errorf("%s %s: %+v", kind, recipe, rb.SelfChecks())
			}
			plain := parse(t, kind, "ranker")
			if !reflect.DeepEqual(rb.Rollout, plain.Rollout) || !reflect.DeepEqual(rb.Routing, plain.Routing) || !reflect.DeepEqual(rb.Shadow, plain.Shadow) {
				t.Errorf("%s %s changes more than the metrics", kind, recipe)
			}
			if before, err := templates.New(kind, "ranker"); err != nil || bytes.Count(text, []byte("# ")) < bytes.Count(before, []byte("# "))-10 {
				t.Errorf("%s %s lost its comments: %v", kind, recipe, err)
			}
		}
	}
}

func TestDescribe(t *testing.T) {
	if got := strings.Count(templates.Describe(), "\n"); got != len(templates.Recipes()) || got != 19 {
		t.Errorf("%d lines for %d recipes", got, len(templates.Recipes()))
	}
	if _, err := templates.NewWith("canary", "ranker", "nginx"); err == nil || !strings.Contains(err.Error(), "nginx-ingress") {
		t.Errorf("an unknown name: %v", err)
	}
}

func TestNewLeavesNoPlaceholder(t *testing.T) {
	for _, kind := range templates.Kinds() {
		text, err := templates.New(kind, "ranker")
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("my-service")) {
			t.Errorf("%s still names my-service", kind)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct{ name, kind, service, want string }{
		{"unknown kind", "rolling", "ranker", "there are canary, canary-from-5, bluegreen, shadow"},
		{"path as kind", "../runbook-templates/canary", "ranker", "no template"},
		{"empty service", "canary", "", "lower-case"},
		{"YAML in the service", "canary", "a\"\nowner: x", "lower-case"},
		{"line end", "canary", "ranker\n", "lower-case"},
		{"too long", "canary", strings.Repeat("x", 64), "lower-case"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := templates.New(c.kind, c.service); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error is %v, want %q in it", err, c.want)
			}
		})
	}
}

// The canary template states the three triggers of the minimal runbook, word for word.
func TestCanaryHasTheMinimalTriggers(t *testing.T) {
	got := parse(t, "canary", "ranker").Triggers
	for i := range got {
		got[i].Line = 0
	}
	want := []runbook.Trigger{
		{Name: "latency-p95", Type: runbook.LatencyQuantile, Severity: runbook.Severe, For: minutes(5), Quantile: 0.95, Increase: 0.3},
		{Name: "error-rate", Type: runbook.ErrorRate, Severity: runbook.Severe, For: minutes(3), Above: 0.05},
		{Name: "conversion-drop", Type: runbook.KPIDrop, Severity: runbook.Severe, For: minutes(15), KPI: "conversion", Drop: 0.02},
		{Name: "users-see-errors", Type: runbook.AbsoluteSLO, Severity: runbook.Page, For: minutes(5), Above: 0.1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func minutes(n int) runbook.Duration { return runbook.Duration(time.Duration(n) * time.Minute) }

func parse(t *testing.T, kind, service string) *runbook.Runbook {
	t.Helper()
	text, err := templates.New(kind, service)
	if err != nil {
		t.Fatal(err)
	}
	rb, err := runbook.Parse(kind+".yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return rb
}
