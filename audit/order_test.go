package audit_test

import (
	"slices"
	"testing"
	"time"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/record"
)

// Stages come in the order of the incident, whichever was captured first: of a part that several have, the
// newest counts.
func TestStagesAreInOrder(t *testing.T) {
	f := audit.Folder{Dir: t.TempDir()}
	inc := record.Incident{Schema: 1, ID: "inc-0123456789ab", Service: "ranker", Region: "default", OpenedAt: time.Unix(1_700_000_000, 0).UTC()}
	want := []string{audit.Before, audit.StageOf(audit.Before, "logs"), audit.After, audit.StageOf(audit.After, "logs"), audit.FollowUp}
	for _, stage := range slices.Backward(want) {
		if _, _, err := f.Capture(inc, stage, map[string][]byte{"alerts.json": []byte(`"` + stage + `"`)}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := f.Stages(inc)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range all {
		got = append(got, s.Name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the stages are %q, want %q", got, want)
	}
	if text, err := f.Read(inc, "alerts.json"); err != nil || string(text) != `"followup"` {
		t.Errorf("read %s, %v", text, err)
	}
}
