package verify_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

const firingExpr = "timestamp(" + rules.FiringQuery + ")"

// alerts answers with series of ALERTS, "labels" to the age of the newest sample.
func alerts(ages map[string]time.Duration) served {
	return func(w http.ResponseWriter, r *http.Request) {
		var series []string
		at := moment(r)
		for labels, age := range ages {
			series = append(series, fmt.Sprintf(`{"metric":{%s},"value":[%f,"%f"]}`, labels, at, at-age.Seconds()))
		}
		fmt.Fprintf(w, `{"status":"success","data":{"resultType":"vector","result":[%s]}}`, strings.Join(series, ","))
	}
}

func TestFiringTellsCompanionsFromTheWatchdogAndFromTriggers(t *testing.T) {
	p := prometheusOf(t, map[string]served{firingExpr: alerts(map[string]time.Duration{
		`"trigger":"watchdog"`: 5 * time.Second,
		`"service":"ranker","trigger":"errors","severity":"severe","region":"eu"`: time.Second,
		`"service":"ranker","trigger":"blind","severity":"page","region":"eu"`:    time.Second,
		`"alertname":"Foreign"`: time.Second,
	})}).client(t, 0)
	f, err := p.Firing(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !f.Watchdog || len(f.Blind) != 1 {
		t.Fatalf("got %+v", f)
	}
	a := f.Blind[0]
	if a.Service != "ranker" || a.Trigger != "blind" || a.Region != "eu" || a.Severity != runbook.Page ||
		!a.Firing || a.Source != record.Watcher || a.Labels["severity"] != "page" {
		t.Errorf("got %+v", a)
	}
	if age := f.At.Sub(a.StartsAt).Round(10 * time.Millisecond); age != time.Second {
		t.Errorf("the newest sample is 1 s old, got %s", age)
	}
}

func TestAWatchdogThatWasNotEvaluatedLatelyIsSilent(t *testing.T) {
	p := prometheusOf(t, map[string]served{firingExpr: alerts(map[string]time.Duration{
		`"trigger":"watchdog"`: 4 * time.Minute,
	})}).client(t, 0)
	if f, err := p.Firing(t.Context()); err != nil || f.Watchdog {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestFiringRefusesWhatItCannotRelyOn(t *testing.T) {
	cases := map[string]served{
		"5xx":              status(503, "overloaded"),
		"4xx":              status(400, badQuery),
		"not a connection": hangUp(),
		"slow":             silent(),
		"partial":          partial(1),
		"wrong clock":      shifted(-time.Minute, "1"),
		"a login page":     status(200, "<html>"),
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			p := prometheusOf(t, map[string]served{firingExpr: answer}).client(t, blindness{name: name}.patience())
			if f, err := p.Firing(t.Context()); err == nil {
				t.Errorf("got %+v and no error", f)
			}
		})
	}
}

func TestNothingFiringIsNoError(t *testing.T) {
	p := prometheusOf(t, map[string]served{firingExpr: empty()}).client(t, 0)
	if f, err := p.Firing(t.Context()); err != nil || len(f.Blind) > 0 || f.Watchdog {
		t.Errorf("got %+v, %v", f, err)
	}
}

// A companion that lost its service on the way is passed on: it is counted there.
func TestFiringPassesOnWhatNamesNoService(t *testing.T) {
	p := prometheusOf(t, map[string]served{firingExpr: alerts(map[string]time.Duration{`"trigger":"blind"`: time.Second})}).client(t, 0)
	if f, err := p.Firing(t.Context()); err != nil || len(f.Blind) != 1 || f.Blind[0].Trigger != "blind" {
		t.Errorf("got %+v, %v", f, err)
	}
}
