package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/record"
)

// BenchmarkOnset measures, at intervals of 15 s, from the first request that fails to
// Alertmanager's webhook at our door, and to what the watcher saw. 24 candidates begin to
// fail all requests at random moments of one minute; a window of one minute, so that the
// next scrape is enough for gate and significance. The daemon observes, so both sources
// are measured of the same onset and neither hinders the other.
func BenchmarkOnset(b *testing.B) {
	needsLong(b)
	d := &door{first: map[string]time.Time{}}
	addr := serveHTTP(b, d.ServeHTTP)
	f := newFleet(b, 24, addr, func(text string) string {
		text = strings.Replace(text, "interval: 15s\n", "interval: 15s\n  warmup: 15s\n", 1)
		return strings.Replace(text, "above: 5%, for: 3m", "above: 5%, for: 1m", 1)
	})
	for b.Loop() {
		f.release()
		time.Sleep(time.Minute) // a window of both sides
		onset := f.breakAtRandom(time.Minute)
		var webhook, watcher []time.Duration
		late := time.Now().Add(3 * time.Minute)
		f.awaitWithin("all to be heard", 5*time.Minute, time.Second, func() error {
			var err, unseen error
			if webhook, err = d.after(onset); err != nil {
				err = fmt.Errorf("webhook: %w", err)
			}
			if watcher, unseen = f.watched(onset); unseen != nil {
				err = errors.Join(err, fmt.Errorf("watcher: %w", unseen))
			}
			if err != nil && time.Now().After(late) {
				err = fmt.Errorf("%w; Prometheus has %s", err, f.get(f.prom.URL+"/api/v1/query?query="+url.QueryEscape(alerting)))
			}
			return err
		})
		b.Logf("webhook %v", webhook)
		b.Logf("watcher %v", watcher)
		for name, all := range map[string][]time.Duration{"webhook": webhook, "watcher": watcher} {
			b.ReportMetric(quantile(all, 0.5)/1000, name+"-p50-s")
			b.ReportMetric(slices.Max(all).Seconds(), name+"-worst-s")
			b.ReportMetric(float64(len(all)), name+"-onsets")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// alerting says where an alert has got to that nobody heard: proved but not scraped, not past its
// gate, or fired and not delivered.
const alerting = `count by (alertstate, trigger) (ALERTS{trigger=~"errors|more-errors"}) or count(autorollback_trigger_significance{trigger="errors"} >= 1) or count(up == 0)`

// aboutErrors: two triggers of the runbook see errors, and either may be first.
func aboutErrors(trigger string) bool { return trigger == "errors" || trigger == "more-errors" }

// A door notes when the first webhook about a service's errors came.
type door struct {
	mu    sync.Mutex
	first map[string]time.Time
}

func (d *door) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	now := time.Now()
	var body struct {
		Alerts []struct {
			Status string
			Labels map[string]string
		}
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, a := range body.Alerts {
		service := a.Labels["service"]
		if aboutErrors(a.Labels["trigger"]) && a.Status == "firing" && d.first[service].IsZero() {
			d.first[service] = now
		}
	}
}

func (d *door) after(onset map[string]time.Time) ([]time.Duration, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return since(onset, d.first)
}

// watched is when the watcher saw each, as the incidents say.
func (f *fleet) watched(onset map[string]time.Time) ([]time.Duration, error) {
	all, err := api.Client{URL: "http://" + f.web}.Incidents(f.b.Context())
	if err != nil {
		return nil, err
	}
	first := map[string]time.Time{}
	for _, inc := range all {
		if inc.Source == record.Watcher && slices.ContainsFunc(inc.Triggers, aboutErrors) {
			first[inc.Service] = inc.OpenedAt
		}
	}
	took, err := since(onset, first)
	if err != nil {
		for _, inc := range all {
			err = fmt.Errorf("%w; %s %s %v %s %v", err, inc.Service, inc.Source, inc.Triggers, inc.OpenedAt, inc.Decision.Reasons)
		}
	}
	return took, err
}

// since is how long after its onset each was heard; one before it is an error.
func since(onset, heard map[string]time.Time) (all []time.Duration, err error) {
	for name, at := range onset {
		took := heard[name].Sub(at)
		if took <= 0 {
			return nil, fmt.Errorf("%s was heard at %s, and %d of %d were", name, heard[name], len(heard), len(onset))
		}
		all = append(all, took.Round(10*time.Millisecond))
	}
	slices.Sort(all)
	return all, nil
}
