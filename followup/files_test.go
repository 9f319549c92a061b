package followup

import (
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const ramp = `rollout:
  promote: automatic
  steps: [{weight: 1, for: 10m}, {weight: 20, for: 30m}, {weight: 100}]
`

func rolledBack(rb *runbook.Runbook) record.Incident {
	at := start.Add(32 * time.Minute)
	return record.Incident{ID: "inc-0123456789ab", Service: "ranker", Region: "default", Release: "r9", Phase: record.Done, OpenedAt: at, ActedAt: at.Add(time.Second), ClosedAt: at.Add(3 * time.Minute),
		Stable: record.Side{Version: "v1", Backend: "b1"}, Candidate: record.Side{Version: "v2", Backend: "b2", Bundle: "sha256:2"}, Triggers: []string{"errors"},
		Breach:   record.Breach{Trigger: "errors", State: record.Breaching, Value: 0.12, CandidatePods: 3, StablePods: 4, CandidateRate: 10, StableRate: 40, AskedAt: at},
		Change:   &record.Change{From: record.Split{"b1": 80, "b2": 20}, To: record.Split{"b1": 100}},
		Timeline: []record.Record{{At: at, Kind: "alert", Text: "<script>@everyone</script> | **bold**"}}}
}

// The files can be taken as they are: the trigger and the ramp are read by the runbook's own parser,
// and the review has what people need.
func TestFilesCanBeTaken(t *testing.T) {
	rb := book(t, errorTrigger, ramp)
	inc := rolledBack(rb)
	d := Search(t.Context(), caseOf(t, before("r8", 1)), truth{"r9": creeping, "r8": always(0.005)}.history)
	r := SaferRamp(rb, inc, At(plan.Traffic{ErrorRate: 0.005}, inc.Breach))
	files, err := Files(inc, rb, d, r)
	if err != nil {
		t.Fatal(err)
	}
	taken := book(t, errorTrigger, string(files[RampName]))
	if taken.Rollout.Promote != runbook.PromoteAsk || taken.Rollout.Steps[1].Weight != 10 {
		t.Errorf("the ramp is %+v", taken.Rollout)
	}
	var doc struct{ Triggers []yaml.Node }
	if err := yaml.Unmarshal(files[TriggerName], &doc); err != nil || len(doc.Triggers) != 1 {
		t.Fatalf("%v\n%s", err, files[TriggerName])
	}
	text := strings.TrimPrefix(string(files[TriggerName][strings.Index(string(files[TriggerName]), "triggers:"):]), "triggers:\n")
	found := book(t, strings.TrimRight(text, "\n")).Triggers[0]
	if found.Line = d.Found[0].Trigger.Line; found != d.Found[0].Trigger {
		t.Errorf("the file says %+v, and found is %+v", found, d.Found[0].Trigger)
	}
	review := string(files[ReviewName])
	for _, want := range []string{"# Review: ranker: errors", "## Root cause", "| Tell the model's owner. | ranking | Wed 2030-05-08 09:35 UTC |",
		"0 of 1 release between 2030-04-22 09:00:00 UTC and 2030-05-06 09:00:00 UTC", "earlier.", "## A safer ramp for the next try", "| 10 % |"} {
		if !strings.Contains(review, want) {
			t.Errorf("the review has no %q", want)
		}
	}
	if strings.Contains(review, "<script>") || strings.Contains(review, "**bold**") || strings.Contains(review, "@everyone") {
		t.Error("the review takes markup from outside")
	}
	if t.Failed() {
		t.Logf("%s\n%s\n%s", review, files[TriggerName], files[RampName])
	}
}

// A step is as long as the incident's harm needs to be proved there, and the waits grow as the share falls.
func TestRampIsAsLongAsTheProof(t *testing.T) {
	rb := book(t, errorTrigger, ramp)
	inc := rolledBack(rb)
	traffic := At(plan.Traffic{ErrorRate: 0.005}, inc.Breach)
	r := SaferRamp(rb, inc, traffic)
	if r.Problem != "" || r.Broke != 20 || len(r.Steps) != 3 {
		t.Fatalf("%+v", r)
	}
	for n, s := range r.Steps {
		if s.Proves > 0 && s.Proves < mostStay && (s.For.Std() < s.Proves || s.For < s.Was) || n > 0 && s.Proves >= r.Steps[n-1].Proves && r.Steps[n-1].Proves > 0 {
			t.Errorf("step %d: %+v", n, s)
		}
	}
	if last := r.Steps[2]; last.Proves == 0 || last.Proves > 30*time.Minute {
		t.Errorf("12 %% errors at 20 %% of the traffic: %+v", last)
	}
	mild := inc
	mild.Breach.Value = 0.06
	if slow := SaferRamp(rb, mild, traffic); slow.Steps[2].Proves <= r.Steps[2].Proves {
		t.Errorf("half of the harm is proved after %s, the whole after %s", slow.Steps[2].Proves, r.Steps[2].Proves)
	}
}

// What is not known is said.
func TestRampSaysWhatIsNotKnown(t *testing.T) {
	rb := book(t, errorTrigger, ramp)
	none := rolledBack(rb)
	none.ActedAt = time.Time{}
	other := rolledBack(rb)
	other.Breach.Trigger = "gone"
	for want, r := range map[string]Ramp{
		"no section rollout":  SaferRamp(book(t, errorTrigger), rolledBack(rb), plan.Traffic{Rate: 1}),
		"no traffic was":      SaferRamp(rb, none, plan.Traffic{Rate: 1}),
		"no planning formula": SaferRamp(rb, other, plan.Traffic{Rate: 1}),
		"must be above 0":     SaferRamp(rb, rolledBack(rb), plan.Traffic{}),
	} {
		if !strings.Contains(r.Problem, want) {
			t.Errorf("%q has no %q", r.Problem, want)
		}
	}
}
