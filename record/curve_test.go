package record_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What nobody knows is left out of the file, and read as not known.
func TestSamplesAreReadAsTheyWereWritten(t *testing.T) {
	s := record.Unsampled(time.Unix(1_800_000_000, 0).UTC())
	s.Candidate, s.Significance = record.NumberOf(0.12345678), record.NumberOf(math.Inf(1))
	text, err := json.Marshal(s)
	if want := `{"at":"2027-01-15T08:00:00Z","candidate":0.123457}`; err != nil || string(text) != want {
		t.Errorf("got %s, want %s, %v", text, want, err)
	}
	var back record.Sample
	if err := json.Unmarshal(text, &back); err != nil || back.Stable.Known() || back.Candidate != 0.123457 {
		t.Errorf("read %+v, %v", back, err)
	}
	if text, err := json.Marshal([]record.Number{1, record.NotKnown, record.Number(math.Inf(-1))}); err != nil || string(text) != "[1,null,null]" {
		t.Errorf("numbers: %s, %v", text, err)
	}
}

// However long it takes, an incident keeps a bounded number of polls, the first and the newest
// among them, and what was read from the store is not touched.
func TestPollsAreBounded(t *testing.T) {
	begin := time.Unix(1_800_000_000, 0).UTC()
	var i record.Incident
	for n := range 200 {
		answers := []record.Answer{
			{Question: "error rate", Unit: "ratio", Health: record.Good, Value: float64(n), Limit: 0.02, Before: 0.01},
			{Question: "kpi", Business: true, Health: record.Unknown, Value: 7},
			{Question: "kpi revenue", Business: true, Health: record.Unknown, Value: 7, Samples: 100},
		}
		for k := range 20 {
			answers = append(answers, record.Answer{Question: fmt.Sprint("probe ", k), Health: record.Good})
		}
		before, _ := json.Marshal(i.Levels)
		was := i.Levels
		i.Poll(answers, runbook.Duration(15*time.Second), begin.Add(time.Duration(n)*15*time.Second))
		if after, _ := json.Marshal(was); string(after) != string(before) {
			t.Fatalf("poll %d changed what was there", n)
		}
	}
	if len(i.Levels) != record.MostQuestions {
		t.Errorf("%d questions are kept", len(i.Levels))
	}
	rate, kpi := i.Levels[0], i.Levels[1]
	n := len(rate.Samples)
	if n > record.MostPolls || n < record.MostPolls/2 || rate.Samples[0].Total != 0 || rate.Samples[n-1].Total != 199 {
		t.Errorf("%d polls from %v to %v", n, rate.Samples[0].Total, rate.Samples[n-1].Total)
	}
	if s := rate.Samples[0]; s.Limit != 0.02 || s.Stable != 0.01 || rate.Floor {
		t.Errorf("its limit and the level before: %+v", s)
	}
	if s := kpi.Samples[0]; s.Total.Known() || s.Limit.Known() || !kpi.Floor {
		t.Errorf("what is not known: %+v", s)
	}
	if s := i.Levels[2].Samples[0]; s.Total != 7 {
		t.Errorf("what proves nothing yet: %+v", s)
	}
	if text, _ := json.Marshal(i.Levels); len(text) > 48<<10 {
		t.Errorf("%d bytes", len(text))
	}
}
