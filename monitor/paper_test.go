package monitor

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// A paper is a Prometheus on paper: pods whose counters grow evenly, scraped each interval.
type paper struct {
	mu sync.Mutex
	state
	asked    []string
	busy     int // queries about history at the moment
	mostBusy int
}

// A state is what an answer is made from: as it was when the question came, since tests change
// it while the monitor asks.
type state struct {
	down    bool
	partial bool
	harm    time.Time // from here on the candidate fails 20 % instead of 1 %
	series  float64   // what count() says
	slow    time.Duration
}

const paperInterval = 15 * time.Second

func (p *paper) set(change func(*paper)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change(p)
}

func (p *paper) enter(query string) (now state, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked = append(p.asked, query)
	if historical(query) {
		p.busy++
		p.mostBusy = max(p.mostBusy, p.busy)
	}
	if p.down {
		err = errors.New("connection refused")
	}
	return p.state, err
}

func (p *paper) leave(query string) {
	p.set(func(p *paper) {
		if historical(query) {
			p.busy--
		}
	})
}

// historical reports whether a query is about more than the newest intervals.
func historical(query string) bool {
	if strings.HasPrefix(query, "last_over_time(") {
		return true
	}
	length := rangeOf.FindStringSubmatch(query)
	if length == nil {
		return false
	}
	d, err := model.ParseDuration(length[1])
	return err == nil && time.Duration(d) > 10*paperInterval
}

var rangeOf = regexp.MustCompile(`\[(\w+)\]$`)

// Query implements API.
func (p *paper) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	now, err := p.enter(query)
	defer p.leave(query)
	if now.slow > 0 {
		time.Sleep(now.slow)
	}
	switch {
	case err != nil || ctx.Err() != nil:
		return nil, nil, errors.Join(err, ctx.Err())
	case strings.HasPrefix(query, "count("):
		return model.Vector{{Value: model.SampleValue(now.series)}}, nil, nil
	case strings.HasPrefix(query, "last_over_time("):
		return model.Vector{}, nil, nil
	}
	length, err := model.ParseDuration(rangeOf.FindStringSubmatch(query)[1])
	if err != nil {
		return nil, nil, err
	}
	var warnings promapi.Warnings
	if now.partial {
		warnings = promapi.Warnings{"a store did not answer"}
	}
	return now.samples(at.Add(-time.Duration(length)), at), warnings, nil
}

// QueryRange implements API; only a release of many series is asked this way.
func (p *paper) QueryRange(_ context.Context, query string, _ promapi.Range) (model.Value, promapi.Warnings, error) {
	_, err := p.enter("range " + query)
	defer p.leave("range " + query)
	return model.Matrix{}, nil, err
}

// samples are those of (from, to].
func (s state) samples(from, to time.Time) model.Matrix {
	var out model.Matrix
	for _, side := range []struct {
		version string
		pods    int
	}{{"v1", 4}, {"v2", 2}} {
		for i := range side.pods {
			for _, code := range []string{"200", "500"} {
				stream := &model.SampleStream{Metric: model.Metric{"__name__": "requests_total", "job": "ranker", "version": model.LabelValue(side.version),
					"instance": model.LabelValue(fmt.Sprintf("%s-%d", side.version, i)), "code": model.LabelValue(code)}}
				for at := from.Truncate(paperInterval).Add(5 * time.Second); !at.After(to); at = at.Add(paperInterval) {
					if at.After(from) {
						stream.Values = append(stream.Values, model.SamplePair{Timestamp: model.TimeFromUnixNano(at.UnixNano()), Value: s.value(side.version, code, at)})
					}
				}
				out = append(out, stream)
			}
		}
	}
	return out
}

// value is a counter of 10 requests a second, of which 1 % fail, and later 20 %.
func (s state) value(version, code string, at time.Time) model.SampleValue {
	seconds := at.Sub(paperStart).Seconds()
	bad := 0.1 * seconds
	if late := at.Sub(s.harm).Seconds(); version == "v2" && !s.harm.IsZero() && late > 0 {
		bad += 1.9 * late
	}
	if code == "500" {
		return model.SampleValue(bad)
	}
	return model.SampleValue(10*seconds - bad)
}

// paperStart is when all pods began; synctest's clock begins at that time.
var paperStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func paperTarget(tb testing.TB, began time.Time) Target {
	tb.Helper()
	rb, err := runbook.Parse("ranker.yaml", []byte(paperRunbook))
	if err != nil {
		tb.Fatal(err)
	}
	return Target{Runbook: rb, Release: record.Release{ID: "rel-1", Service: "ranker", Region: runbook.DefaultRegion, Weight: 33, Phase: record.Open,
		Stable: record.Side{Version: "v1"}, Candidate: record.Side{Version: "v2"}, StartedAt: began, TrafficAt: began,
		Moves: []record.Move{{At: began, From: 0, To: 33}}}}
}

const paperRunbook = `
schema: 1
service: ranker
owner: {team: ranking, contact: "#ranking-oncall"}
metrics:
  selector: job="ranker"
  interval: 15s
  warmup: 2m
  requests: {counter: requests_total, errors: code=~"5.."}
triggers:
  - {name: errors, type: error_rate, severity: severe, above: 5%, for: 3m}
  - {name: slo, type: absolute_slo, severity: page, above: 10%, for: 3m}
routing: {router: json, key: routes/ranker/weights, flags: features/ranker/}
verification:
  system:
    error_rate: {below: 2%}
`
