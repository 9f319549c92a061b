package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// Prometheus is restarted twice on its own data: between the breach and the alert, and
// while the recovery is being proved. The evidence goes on where it stood, there is one
// incident and one rollback, and nothing is called recovered for want of an answer.
func TestPrometheusRestarts(t *testing.T) {
	for _, how := range []struct {
		name string
		end  func(*stack)
	}{
		{"killed", func(s *stack) { s.prom.Kill() }},
		{"asked to end", func(s *stack) { s.prom.Stop() }},
	} {
		t.Run(how.name, func(t *testing.T) {
			t.Parallel()
			s := start(t, options{runbook: func(text string) string { return longVerified(t)(onlyErrorsAreSevere(t)(text)) }})
			evidence := s.evidenceOf("error-rate")
			b := gameday.Well
			b.Errors = 0.2
			s.service.Candidate.Behave(b)

			before := s.reaches(evidence, 2)
			s.await("no incident yet", time.Second, func() error { return s.incidents(0) })
			how.end(s)
			down := time.Now()
			s.prom.Start()
			t.Logf("log evidence %.1f before the restart, which took %s", before, time.Since(down).Round(10*time.Millisecond))
			// By chance a single interval may speak for the candidate; what all of them said
			// together is not lost.
			if again := s.firstAfter(evidence, time.Now()); again < before-0.5 {
				t.Errorf("log evidence is %.1f after the restart and was %.1f before: it began anew", again, before)
			} else {
				t.Logf("log evidence %.1f after the restart", again)
			}

			acted := s.incident("the rollback", 60*time.Second, func(i runbook.Incident) bool { return !i.ActedAt.IsZero() })
			t.Logf("acted %s after the restart, with evidence %.1f", acted.ActedAt.Sub(down).Round(10*time.Millisecond), acted.Breach.Evidence)
			how.end(s)
			silent := time.Now()
			s.await("polls without an answer", 30*time.Second, func() error {
				if inc := s.incident("it", time.Second, anyOf); inc.Verdict != nil {
					return fmt.Errorf("a verdict without Prometheus: %+v", inc.Verdict)
				} else if inc.Health != runbook.Unknown {
					return fmt.Errorf("the last poll is %q", inc.Health)
				}
				return nil
			})
			s.prom.Start()
			inc := s.incident("a closed incident", 120*time.Second, settled)
			s.recovered(inc)
			s.oneTransaction()
			if inc.ID != acted.ID || inc.Verdict == nil || inc.Verdict.At.Before(silent) {
				t.Errorf("incident %s, verdict %+v; want that of %s after the silence", inc.ID, inc.Verdict, acted.ID)
			}
			if err := s.incidents(1); err != nil {
				t.Error(err)
			}
		})
	}
}

func anyOf(runbook.Incident) bool { return true }

// evidenceOf is the question for the log e-value that a trigger rests on.
func (s *stack) evidenceOf(trigger string) string {
	s.t.Helper()
	st, err := s.client().Status(s.t.Context())
	if err != nil || len(st.Releases) != 1 {
		s.t.Fatalf("%d releases, %v", len(st.Releases), err)
	}
	ask, err := rules.Ask(s.rb)
	if err != nil {
		s.t.Fatal(err)
	}
	e, ok := ask.Evidence(trigger, st.Releases[0])
	if !ok {
		s.t.Fatalf("%s has no evidence", trigger)
	}
	return e.String()
}

// reaches waits until an expression is at least so much, and returns what it is.
func (s *stack) reaches(expr string, least float64) (v float64) {
	s.t.Helper()
	s.await(expr, 60*time.Second, func() (err error) {
		if v, err = s.value(expr); err == nil && v < least {
			err = fmt.Errorf("it is %v", v)
		}
		return err
	})
	return v
}

// firstAfter is the greatest of the series behind an evidence question, as they were first
// recorded after a moment.
func (s *stack) firstAfter(evidence string, at time.Time) (v float64) {
	s.t.Helper()
	series := strings.TrimSuffix(strings.TrimPrefix(evidence, "max("), ")")
	if series == evidence {
		s.t.Fatalf("the evidence is not the greatest of some series: %s", evidence)
	}
	s.await("evidence after the restart", 30*time.Second, func() error {
		var found []struct{ Values [][2]any }
		if err := s.ask(series+"[1m]", &found); err != nil {
			return err
		}
		first := 0.0
		for _, one := range found {
			for _, sample := range one.Values {
				if ts := sample[0].(float64); ts > float64(at.Unix()) && (first == 0 || ts < first) {
					first = ts
				}
			}
		}
		for _, one := range found {
			for _, sample := range one.Values {
				if sample[0].(float64) == first {
					x, err := strconv.ParseFloat(sample[1].(string), 64)
					if err != nil {
						return err
					}
					v = max(v, x)
				}
			}
		}
		if first == 0 {
			return fmt.Errorf("nothing was recorded after %s", at)
		}
		return nil
	})
	return v
}

// value asks Prometheus for the only number of an expression.
func (s *stack) value(expr string) (float64, error) {
	var found []struct{ Value [2]any }
	if err := s.ask(expr, &found); err != nil {
		return 0, err
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("%d answers to %s", len(found), expr)
	}
	text, _ := found[0].Value[1].(string)
	return strconv.ParseFloat(text, 64)
}

// ask asks Prometheus at the present moment.
func (s *stack) ask(expr string, result any) error {
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.prom.URL+"/api/v1/query", nil)
	if err != nil {
		return err
	}
	q := req.URL.Query()
	q.Set("query", expr)
	req.URL.RawQuery = q.Encode()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	var body struct {
		Data struct{ Result json.RawMessage }
	}
	if err := json.NewDecoder(resp.Body).Decode(&body); err != nil {
		return err
	}
	return json.Unmarshal(body.Data.Result, result)
}

func (s *stack) incidents(want int) error {
	all, err := s.client().Incidents(s.t.Context())
	if err == nil && len(all) != want {
		err = fmt.Errorf("%d incidents, want %d", len(all), want)
	}
	return err
}
