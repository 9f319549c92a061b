package demo

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	promrules "github.com/prometheus/prometheus/rules"
	"github.com/prometheus/prometheus/tsdb"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/engine"
	"github.com/autorollback/autorollback/monitor"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/report"
	"github.com/autorollback/autorollback/report/notify"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/store"
	"github.com/autorollback/autorollback/verify"
)

// A virtual is a whole installation on the virtual clock of a synctest bubble: the real
// engine, store, evidence folder, TSDB and rule engine, with the generated rules and the
// runbook's own windows; only the pods are drawn by chance.
type virtual struct {
	t       *testing.T
	rb      *runbook.Runbook
	dir     string
	store   *store.File
	engine  *engine.Engine
	monitor *monitor.Monitor
	reg     *prometheus.Registry
	db      *tsdb.DB
	promql  *promql.Engine
	fleet   *fleet
	splits  []record.Split // every one that was seen, in order
	moves   []move
	sent    *sent    // what people heard
	mixed   []string // snapshots in which a mixed pair could be served
	stopped context.CancelFunc
	group   *errgroup.Group
}

// newVirtual starts everything with all traffic on v1; stop ends it.
func newVirtual(t *testing.T, rb *runbook.Runbook, f *fleet) *virtual {
	t.Helper()
	v := &virtual{t: t, rb: rb, dir: t.TempDir(), reg: prometheus.NewRegistry(), fleet: f, sent: &sent{}}
	if !slices.Equal(rb.Metrics.Latency.Buckets, f.bounds) {
		t.Fatalf("the runbook's buckets are %v, the pods' %v", rb.Metrics.Latency.Buckets, f.bounds)
	}
	var err error
	v.store, err = store.OpenFile(filepath.Join(v.dir, "kv.db"))
	v.must(err)
	v.must(Route(t.Context(), v.store, rb.Routing.Key, "ranker-v1"))
	v.must(Encode(t.Context(), v.store, rb.Routing.Flags+"v1", "v4"))
	quiet := slog.New(slog.DiscardHandler)
	v.db, err = tsdb.Open(filepath.Join(v.dir, "tsdb"), quiet, nil, tsdb.DefaultOptions(), nil)
	v.must(err)
	v.promql = promql.NewEngine(promql.EngineOpts{Logger: quiet, MaxSamples: 50_000_000, Timeout: time.Hour, EnableAtModifier: true,
		EnableNegativeOffset: true, Parser: parser.NewParser(parser.Options{})})
	v.startEngine()
	v.startRules(quiet)
	return v
}

func (v *virtual) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *virtual) startEngine() {
	journal, err := audit.OpenJournal(filepath.Join(v.dir, "journal.jsonl"), "virtual")
	v.must(err)
	folder := audit.Folder{Dir: filepath.Join(v.dir, "incidents")}
	v.must(os.MkdirAll(folder.Dir, 0o755))
	post := notify.New(v.reg, notify.Options{}, notify.Sink{Name: "people", Sender: v.sent})
	v.monitor = monitor.New(v, zap.NewNop())
	v.reg.MustRegister(v.monitor)
	v.engine, err = engine.New(engine.Parts{Store: v.store, Prometheus: verify.New(v, 0), Monitor: v.monitor, Journal: journal, Log: zap.NewNop(), Registerer: v.reg,
		Archive: report.Archive{Folder: folder}, Post: post}, []*runbook.Runbook{v.rb}, engine.Options{Replica: "virtual"})
	v.must(err)
	ctx, stop := context.WithCancel(v.t.Context())
	v.stopped = stop
	v.group, ctx = errgroup.WithContext(ctx)
	v.group.Go(func() error { return v.engine.Run(ctx) })
	v.group.Go(func() error { v.scrape(ctx); return nil })
	v.group.Go(func() error { return v.witness(ctx) })
}

func (v *virtual) startRules(quiet *slog.Logger) {
	group, err := rules.Compile(v.rb)
	v.must(err)
	text, err := rules.Marshal([]rules.Group{group})
	v.must(err)
	file := filepath.Join(v.dir, "rules.yml")
	v.must(os.WriteFile(file, text, 0o600))
	ctx, stop := context.WithCancel(v.t.Context())
	m := promrules.NewManager(&promrules.ManagerOptions{NameValidationScheme: model.UTF8Validation, ExternalURL: &url.URL{}, Context: ctx, Logger: quiet,
		Registerer: prometheus.NewRegistry(), AppendableV2: v.db, Queryable: v.db, QueryFunc: promrules.EngineQueryFunc(v.promql, v.db),
		NotifyFunc: v.notify, ResendDelay: time.Minute, Parser: parser.NewParser(parser.Options{})})
	v.must(m.Update(v.rb.Metrics.Interval.Std(), []string{file}, labels.EmptyLabels(), "", promrules.DefaultEvalIterationFunc))
	v.group.Go(func() error { m.Run(); return nil })
	engineOnly := v.stopped
	v.stopped = func() { m.Stop(); stop(); engineOnly() }
}

// stop ends everything; the bubble must be empty then.
func (v *virtual) stop() {
	v.stopped()
	v.must(v.group.Wait())
	v.monitor.Wait()
	v.must(v.db.Close())
	v.must(v.store.Close())
}

// notify is Alertmanager: what fires is posted at once.
func (v *virtual) notify(ctx context.Context, _ string, alerts ...*promrules.Alert) {
	for _, a := range alerts {
		if a.State == promrules.StatePending || a.Labels.Get("autorollback") != "true" {
			continue
		}
		if a.State == promrules.StateFiring && a.Labels.Get("trigger") != "watchdog" {
			v.sent.fires(a.Labels.Get("trigger"), a.FiredAt)
		}
		err := v.engine.Alerts(ctx, []record.Alert{{Service: a.Labels.Get("service"), Trigger: a.Labels.Get("trigger"), Region: a.Labels.Get("region"),
			Severity: runbook.Severity(a.Labels.Get("severity")), Firing: a.State == promrules.StateFiring, StartsAt: a.FiredAt, Source: record.Webhook,
			Labels: a.Labels.Map(), ReceivedAt: time.Now()}})
		if err != nil && ctx.Err() == nil {
			v.t.Errorf("post %s: %v", a.Labels.Get("alertname"), err)
		}
	}
}

// Query is Prometheus' API: no moment means now.
func (v *virtual) Query(ctx context.Context, query string, at time.Time) (model.Value, promapi.Warnings, error) {
	if at.IsZero() {
		at = time.Now()
	}
	q, err := v.promql.NewInstantQuery(ctx, v.db, nil, query, at)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	return values(q.Exec(ctx))
}

// QueryRange is Prometheus' API.
func (v *virtual) QueryRange(ctx context.Context, query string, r promapi.Range) (model.Value, promapi.Warnings, error) {
	q, err := v.promql.NewRangeQuery(ctx, v.db, nil, query, r.Start, r.End, r.Step)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	return values(q.Exec(ctx))
}

func values(r *promql.Result) (model.Value, promapi.Warnings, error) {
	if r.Err != nil {
		return nil, nil, r.Err
	}
	switch got := r.Value.(type) {
	case promql.Vector:
		out := model.Vector{}
		for _, s := range got {
			out = append(out, &model.Sample{Metric: metric(s.Metric), Value: model.SampleValue(s.F), Timestamp: model.Time(s.T)})
		}
		return out, nil, nil
	case promql.Matrix:
		out := model.Matrix{}
		for _, s := range got {
			one := &model.SampleStream{Metric: metric(s.Metric)}
			for _, p := range s.Floats {
				one.Values = append(one.Values, model.SamplePair{Timestamp: model.Time(p.T), Value: model.SampleValue(p.F)})
			}
			out = append(out, one)
		}
		return out, nil, nil
	case promql.Scalar:
		return &model.Scalar{Value: model.SampleValue(got.V), Timestamp: model.Time(got.T)}, nil, nil
	}
	return model.Vector{}, nil, nil
}

func metric(l labels.Labels) model.Metric {
	m := model.Metric{}
	l.Range(func(l labels.Label) { m[model.LabelName(l.Name)] = model.LabelValue(l.Value) })
	return m
}

// release returns the slot's release as it is stored.
func (v *virtual) release() record.Release {
	rel, err := v.engine.Release(v.t.Context(), "ranker", runbook.DefaultRegion)
	v.must(err)
	return rel
}

// until lets time pass until the condition holds, and says how much passed.
func (v *virtual) until(what string, within time.Duration, ok func() bool) time.Duration {
	v.t.Helper()
	for began := time.Now(); ; time.Sleep(time.Second) {
		switch passed := time.Since(began); {
		case ok():
			return passed
		case passed > within:
			rel := v.release()
			if st, err := v.engine.Status(v.t.Context()); err == nil && len(st.Incidents) > 0 {
				v.t.Logf("incident %+v", st.Incidents[0].Decision)
			}
			v.t.Fatalf("waited %s for %s: %v %%, %s, waiting: %s", within, what, rel.Weight, rel.Phase, rel.Waiting)
		}
	}
}

// ended returns the only incident once everything about it is done.
func (v *virtual) ended(within time.Duration) record.Incident {
	v.t.Helper()
	var inc record.Incident
	v.until("a closed incident", within, func() bool {
		st, err := v.engine.Status(v.t.Context())
		v.must(err)
		if len(st.Incidents) == 1 {
			inc = st.Incidents[0]
		}
		return inc.Verdict != nil && !inc.EvidenceAt.IsZero()
	})
	return inc
}

func (v *virtual) read(inc record.Incident, file string) string {
	v.t.Helper()
	text, err := os.ReadFile(filepath.Join(v.dir, "incidents", inc.ID, filepath.FromSlash(file)))
	v.must(err)
	return string(text)
}

func (v *virtual) has(text string, all ...string) {
	v.t.Helper()
	for _, want := range all {
		if !strings.Contains(text, want) {
			v.t.Errorf("%q is not in\n%s", want, text)
		}
	}
}
