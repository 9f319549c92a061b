package api_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"go.yaml.in/yaml/v3"

	"github.com/autorollback/autorollback/analysis"
	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/ofrep"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/regions"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/test/fixture"
	"github.com/autorollback/autorollback/verify"
	"github.com/autorollback/autorollback/view"
	"github.com/autorollback/autorollback/web"
)

// strict is how the examples, which have no test, ask for what tests use.
type strict struct{ testing.TB }

func (strict) Helper()           {}
func (strict) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// quiet are the parts of a daemon that have nothing to say in the examples: nobody answers for Prometheus.
type quiet struct{}

func (quiet) Query(context.Context, string, time.Time) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("connection refused")
}

func (quiet) QueryRange(context.Context, string, promapi.Range) (model.Value, promapi.Warnings, error) {
	return nil, nil, errors.New("connection refused")
}
func (quiet) Capture(record.Incident, string, map[string][]byte) (string, error) { return "", nil }
func (quiet) Seal(record.Incident, *runbook.Runbook) (string, string, error) {
	return "folder", "sha256:sealed", nil
}
func (quiet) Read(record.Incident, string) ([]byte, error)                   { return nil, fs.ErrNotExist }
func (quiet) Append(string, ...record.Record) error                          { return nil }
func (quiet) Anchor() record.Anchor                                          { return record.Anchor{} }
func (quiet) Has(record.Head) (bool, error)                                  { return true, nil }
func (quiet) Watch(context.Context, []monitor.Target)                        {}
func (quiet) Proved() <-chan struct{}                                        { return nil }
func (quiet) Blunted(string, string, time.Time) string                       { return "" }
func (quiet) Harmed(string, runbook.Trigger) record.Onset                    { return record.Onset{} }
func (quiet) ImpactSoFar(string, monitor.Harm, time.Time) (x record.Impact)  { return x }
func (quiet) Significance(string, string, time.Time) (s record.Significance) { return s }
func (quiet) Curves(string) ([]record.Curve, bool)                           { return nil, false }
func (quiet) Sinks() []string                                                { return nil }
func (quiet) For(record.Message) []string                                    { return nil }
func (quiet) Send(context.Context, string, record.Message) (string, error)   { return "", nil }
func (quiet) Impact(context.Context, monitor.Target, monitor.Harm, time.Time) (x record.Impact, err error) {
	return x, nil
}

func (quiet) Record(context.Context, monitor.Target, time.Time, time.Time) ([]byte, []record.Curve, error) {
	return nil, nil, nil
}

func (quiet) Examine(context.Context) (view.Examination, error) {
	return view.Examination{Checks: []view.Check{{Part: "prometheus", Name: "answers", State: view.CheckOff, What: "connection refused"}}}, nil
}

func (quiet) History(context.Context, monitor.Target, time.Time, func(monitor.Step, map[string]analysis.Result)) error {
	return nil
}

func (quiet) Fire(context.Context) (view.Firing, error) {
	return view.Firing{Legs: []view.Leg{{From: "us", To: "Alertmanager", State: view.CheckOff, What: "connection refused"}}}, nil
}

// daemon serves the API of a real engine, with a store in a file, on an address of this machine. Its service
// ranker gets all its traffic by v1. Nobody needs to sign in.
func daemon() (client api.Client, stop func()) {
	dir := must(os.MkdirTemp("", "autorollback-example-"))
	file := must(store.OpenFile(filepath.Join(dir, "autorollback.db")))
	split := store.Op{Key: "routes/ranker/weights", Value: []byte(`{"weights":{"ranker-v1":100}}`)}
	if err := file.Commit(context.Background(), store.NewTx(split)); err != nil {
		panic(err)
	}
	rb := fixture.Runbook(strict{}, "page")
	rb.Rollout, rb.Routing.Mirror = fixture.Ramp(runbook.PromoteManual), &runbook.Mirroring{}
	all, stores := []*runbook.Runbook{rb}, regions.NewStores(regions.Source{Store: file})
	e := must(engine.New(engine.Parts{Store: file, Prometheus: verify.New(quiet{}, 0), Monitor: quiet{}, Archive: quiet{}, Journal: quiet{}, Post: quiet{},
		Log: zap.NewNop(), Registerer: prometheus.NewRegistry()}, all, engine.Options{Replica: "one", RulesEvery: -1, WatchEvery: -1}))
	set := regions.New(stores, []regions.Member{{Engine: e}}, all, zap.NewNop())
	reg := prometheus.NewRegistry()
	server := httptest.NewServer(web.Handler(web.Deps{Engine: set, Live: set.Live, Tokens: must(report.ParseKeyring([]byte(report.GenerateKey().Reveal()))),
		Auth: web.Auth{InsecureNoAuth: true}, Runbooks: func() []*runbook.Runbook { return all }, Ready: func() error { return nil },
		Export: func(_ context.Context, inc record.Incident) ([]byte, error) {
			return report.Export(inc, rb, report.Options{}), nil
		},
		Markdown: func(_ context.Context, inc record.Incident) ([]byte, error) {
			return report.Markdown(inc, rb, report.Options{}), nil
		},
		Flags: func(ctx context.Context, service, region, format string) (api.FlagExport, error) {
			snap, err := file.Read(ctx, "features/ranker/")
			if err != nil {
				return api.FlagExport{}, err
			}
			doc, leftOut, err := ofrep.Export(ofrep.View{Service: service, Region: region, Documents: ofrep.Documents(snap.Entries, "features/ranker/"), ReadAt: time.Now()}, format)
			return api.FlagExport{Document: doc, LeftOut: leftOut}, err
		},
		FollowUp: set.FollowUp, Doctor: quiet{}, Gatherer: reg, Registerer: reg, Log: zap.NewNop()}))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- set.Run(ctx) }()
	return api.Client{URL: server.URL, HTTP: &http.Client{}}, func() {
		server.Close()
		cancel()
		must(0, errors.Join(<-done, file.Close(), os.RemoveAll(dir)))
	}
}

// releaseFile is the text of a release of v2 over v1.
func releaseFile() []byte { return must(yaml.Marshal(fixture.Launch(strict{}))) }

// started is a daemon with a release of v2, which gets 20 % of the traffic.
func started() (client api.Client, stop func()) {
	client, stop = daemon()
	must(client.Start(context.Background(), releaseFile()))
	return client, stop
}

// rolledBack is one whose release was rolled back, by this incident.
func rolledBack() (client api.Client, inc record.Incident, stop func()) {
	client, stop = started()
	return client, must(client.Rollback(context.Background(), "ranker", "default", "users complain")), stop
}
