package gameday

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/tsdb"
)

// A restart forgets no success, and a scenario that is not played any more is gone.
func TestRecordResumes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gameday.prom")
	first := NewRecord([]Scenario{{Name: "errors"}, {Name: "latency"}}, time.Unix(1000, 0))
	if err := first.Resume(file); err != nil {
		t.Fatal(err)
	}
	first.Take(Score{OK: true, Passed: 1, Checks: []Check{{}}, Game: Game{Scenario: Scenario{Name: "errors"}}}, time.Unix(2000, 0))
	first.Take(Score{Passed: 1, Checks: []Check{{}, {}}, Game: Game{Scenario: Scenario{Name: "latency"}}}, time.Unix(2100, 0))
	if err := first.Write(file); err != nil {
		t.Fatal(err)
	}
	second := NewRecord([]Scenario{{Name: "errors"}, {Name: "drift"}}, time.Unix(3000, 0))
	if err := second.Resume(file); err != nil {
		t.Fatal(err)
	}
	if err := second.Write(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{successName + `{scenario="errors"} 2000`, sinceName + `{scenario="errors"} 1000`, successName + `{scenario="drift"} 0`, sinceName + `{scenario="drift"} 3000`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if strings.Contains(string(text), "latency") {
		t.Errorf("latency is still there:\n%s", text)
	}
}

// The rules are what Prometheus takes, and they fire when they must.
func TestAgeRules(t *testing.T) {
	p := parser.NewParser(parser.Options{})
	groups, errs := rulefmt.Parse(AgeRules(8*24*time.Hour), false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	now := time.Now()
	days := func(n float64) float64 { return float64(now.Unix()) - n*86400 }
	tests := []struct {
		name           string
		success, since float64 // days ago; negative: no such series
		never          bool
		want           []string
	}{
		{"fresh", 1, 100, false, nil},
		{"too old", 9, 100, false, []string{"AutorollbackGamedayTooOld"}},
		{"never, and new", 0, 1, true, nil},
		{"never, for long", 0, 9, true, []string{"AutorollbackGamedayTooOld"}},
		{"gone", -1, -1, false, []string{"AutorollbackGamedayAbsent"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db, err := tsdb.Open(t.TempDir(), slog.New(slog.DiscardHandler), nil, tsdb.DefaultOptions(), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			app := db.Appender(t.Context())
			for name, v := range map[string]float64{successName: tt.success, sinceName: tt.since} {
				if v < 0 {
					continue
				}
				value := days(v)
				if name == successName && tt.never {
					value = 0
				}
				if _, err := app.Append(0, labels.FromStrings("__name__", name, "scenario", "errors", "job", "gameday"), now.UnixMilli(), value); err != nil {
					t.Fatal(err)
				}
			}
			if err := app.Commit(); err != nil {
				t.Fatal(err)
			}
			var fires []string
			for _, r := range groups.Groups[0].Rules {
				if firing(t, p, db, r.Expr, now) {
					fires = append(fires, r.Alert)
				}
			}
			if strings.Join(fires, ",") != strings.Join(tt.want, ",") {
				t.Errorf("fires %q, want %q", fires, tt.want)
			}
		})
	}
}

func firing(t *testing.T, p parser.Parser, db *tsdb.DB, expr string, at time.Time) bool {
	t.Helper()
	e := promql.NewEngine(promql.EngineOpts{Logger: slog.New(slog.DiscardHandler), MaxSamples: 1000, Timeout: time.Minute, Parser: p})
	q, err := e.NewInstantQuery(context.Background(), db, nil, expr, at)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	v, err := q.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatal(err)
	}
	return len(v) > 0
}
