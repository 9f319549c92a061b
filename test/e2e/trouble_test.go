package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/record"
)

// The daemon is asked to end while recovery is being proved: it ends in good order, and
// the next process goes on where it stood.
func TestTerminatedDuringVerification(t *testing.T) {
	t.Parallel()
	s := start(t, options{runbook: longVerified(t)})
	s.breakCandidate()
	acted := s.incident("the verification", 90*time.Second, func(i record.Incident) bool { return i.Phase == record.Verifying })
	d := s.daemons[0]
	began := time.Now()
	d.stop(syscall.SIGTERM)
	if took := time.Since(began); took > slack*10*time.Second {
		t.Errorf("it took %s to end", took)
	}
	if code := d.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
	d.start()
	inc := s.incident("a closed incident", 120*time.Second, settled)
	s.recovered(inc)
	s.oneTransaction()
	s.evidence(d, inc)
	if inc.ID != acted.ID || !inc.ActedAt.Equal(acted.ActedAt) {
		t.Errorf("incident %s acted at %s, want %s at %s", inc.ID, inc.ActedAt, acted.ID, acted.ActedAt)
	}
}

// longVerified gives a test the time to do something during the verification.
func longVerified(t *testing.T) func(string) string {
	return func(text string) string { return edit(t, text, "polls: 5", "polls: 15") }
}

// taken gives a body to the daemon as Alertmanager does, which comes again after any
// answer but 200: a machine under load may be too slow for the receiver's three seconds.
func (s *stack) taken(body []byte) error {
	code, err := s.hook(s.daemons[0], body)
	if err == nil && code != http.StatusOK && code != http.StatusServiceUnavailable {
		s.t.Errorf("the receiver answers %d, want 200", code)
	}
	if err == nil && code != http.StatusOK {
		err = fmt.Errorf("the receiver answers %d", code)
	}
	return err
}

// The same alert arrives 200 times at once: duplicates, old ones, ended ones, those of
// other alerts and services, in no order. The first of them is the first the daemon
// hears at all.
func TestFloodOfWebhooks(t *testing.T) {
	t.Parallel()
	tp := newTap(t)
	s := start(t, options{tap: tp, noWatcher: true})
	s.breakCandidate()
	var flood errgroup.Group
	flood.SetLimit(40)
	for _, body := range s.flood(s.tapped(tp)) {
		flood.Go(func() error {
			code, err := s.hook(s.daemons[0], body)
			if err == nil && code != http.StatusOK && code != http.StatusServiceUnavailable {
				err = fmt.Errorf("the receiver answers %d to %s", code, body)
			}
			return err
		})
	}
	if err := flood.Wait(); err != nil {
		t.Error(err)
	}
	inc := s.incident("a closed incident", 120*time.Second, settled)
	s.recovered(inc)
	s.oneTransaction()
	s.evidence(s.daemons[0], inc)
	if !slices.Equal(inc.Sources, []record.Source{record.Webhook}) {
		t.Errorf("sources %v, want the webhook alone", inc.Sources)
	}
}

// tapped waits for the alert.
func (s *stack) tapped(tp *tap) []byte {
	s.t.Helper()
	select {
	case body := <-tp.bodies:
		return body
	case <-time.After(slack * 90 * time.Second):
		s.t.Fatal("no alert in time")
	case <-s.t.Context().Done():
		s.t.Fatal(s.t.Context().Err())
	}
	return nil
}

// flood makes 200 bodies of one: half are the same, the others are stale, ended, or
// recorded elsewhere.
func (s *stack) flood(body []byte) [][]byte {
	s.t.Helper()
	recorded, err := filepath.Glob("../../receiver/testdata/alertmanager-*/*.json")
	if err != nil || len(recorded) == 0 {
		s.t.Fatalf("no recorded bodies: %v", err)
	}
	all := make([][]byte, 0, 200)
	for n := range 200 {
		switch n % 4 {
		case 0:
			all = append(all, s.remade(body, "firing", time.Hour))
		case 1:
			all = append(all, s.remade(body, "resolved", 0))
		case 2:
			text, err := os.ReadFile(recorded[n/4%len(recorded)])
			if err != nil {
				s.t.Fatal(err)
			}
			all = append(all, text)
		default:
			all = append(all, body)
		}
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// remade changes the status of a body's alerts and makes them older.
func (s *stack) remade(body []byte, status string, older time.Duration) []byte {
	s.t.Helper()
	var doc map[string]any
	if err := json.NewDecoder(bytes.NewReader(body)).Decode(&doc); err != nil {
		s.t.Fatal(err)
	}
	doc["status"] = status
	for _, a := range doc["alerts"].([]any) {
		alert := a.(map[string]any)
		at, err := time.Parse(time.RFC3339Nano, alert["startsAt"].(string))
		if err != nil {
			s.t.Fatal(err)
		}
		alert["status"], alert["startsAt"] = status, at.Add(-older).Format(time.RFC3339Nano)
		if status == "resolved" {
			alert["endsAt"] = at.Add(time.Second - older).Format(time.RFC3339Nano)
		}
	}
	text, err := json.Marshal(doc)
	if err != nil {
		s.t.Fatal(err)
	}
	return text
}

// Prometheus does not answer when the webhook comes: the alert is taken and kept,
// people are paged, nothing is moved; when Prometheus is back and has seen the service
// again, the rollback follows. Alertmanager repeats what still fires.
func TestPrometheusDownAtTheWebhook(t *testing.T) {
	t.Parallel()
	tp := newTap(t)
	s := start(t, options{tap: tp, noWatcher: true})
	s.breakCandidate()
	body := s.tapped(tp)
	s.prom.Pause()
	s.await("the alert to be taken", 30*time.Second, func() error { return s.taken(body) })
	inc := s.incident("an unconfirmed incident", 30*time.Second, func(i record.Incident) bool { return i.Phase == record.Unconfirmed })
	s.await("the page", 20*time.Second, func() error { return s.hasMessage(inc) })
	if split := s.weights(); !split.Equal(record.Split{"ranker-v1": 95, "ranker-v2": 5}) {
		t.Errorf("the split is %v, want it left alone", split)
	}
	s.prom.Resume()
	again := time.NewTicker(2 * time.Second)
	defer again.Stop()
	done := s.incident("a closed incident", 120*time.Second, func(i record.Incident) bool {
		select {
		case <-again.C:
			if err := s.taken(body); err != nil {
				t.Log(err) // Alertmanager comes again
			}
		default:
		}
		return settled(i)
	})
	s.recovered(done)
	s.oneTransaction()
	s.evidence(s.daemons[0], done)
	if done.ID != inc.ID {
		t.Errorf("incident %s, want %s to be confirmed", done.ID, inc.ID)
	}
}
