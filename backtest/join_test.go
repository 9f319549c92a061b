package backtest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/test/sim"
)

// A joinedPast is history in which only pod_info tells the version of a pod.
type joinedPast struct{ Source }

func (j joinedPast) Read(ctx context.Context, selector string, from, to time.Time) ([]Stretch, error) {
	told := strings.Contains(selector, "pod_info")
	if told {
		selector = `{__name__="model_ready"}`
	}
	all, err := j.Source.Read(ctx, selector, from, to)
	for i, s := range all {
		b := labels.NewBuilder(s.Labels)
		if told {
			b.Reset(labels.FromStrings("__name__", "pod_info", "instance", s.Labels.Get("instance"), "app_version", s.Labels.Get("version")))
		}
		all[i].Labels = b.Del("version").Labels()
	}
	return all, err
}

func joinedBook(t *testing.T) *runbook.Runbook {
	rb := pastBook(t, false)
	rb.Metrics.VersionLabel = "app_version"
	rb.Metrics.Join = &runbook.Join{Metric: "pod_info", On: []string{"instance"}, Label: "app_version"}
	return rb
}

// A backtest of pods whose version another metric tells finds what it finds otherwise.
func TestBacktestByAJoin(t *testing.T) {
	sim.Bulk(t)
	pods, want := twoReleases()
	source := joinedPast{openPast(t, pods, 62*time.Minute, false)}
	from, to := pastStart, pastStart.Add(62*time.Minute)
	releases, err := DeriveReleases(t.Context(), source, joinedBook(t), from, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(releases) != 2 || releases[1].Candidate != want[1].Candidate || releases[1].Start.Sub(want[1].Start).Abs() > 2*time.Minute {
		t.Fatalf("found %+v", releases)
	}
	b := Backtest{Runbook: joinedBook(t), Source: source, From: from.Add(4 * time.Minute), To: to, Releases: want}
	r, err := b.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Firings) != 1 || r.Firings[0].Release != "bad" || r.Firings[0].Trigger != "error-rate" || r.Firings[0].Breach.State != record.Breaching {
		t.Fatalf("fired: %+v", r.Firings)
	}
	if p := r.Firings[0].Breach; p.CandidatePods != 3 || p.StablePods != 4 || p.StableRate < 30 || p.CandidateRate < 5 {
		t.Errorf("what the guards saw: %+v", p)
	}
}
