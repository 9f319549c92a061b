package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/backtest"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/runbook"
)

// A past is where history comes from, and how much of it.
type past struct {
	runbook, url, httpConfig, read, tsdb, end string
	days                                      float64
}

// pastFlags declares the flags of commands that replay history.
func pastFlags(cmd *kingpin.CmdClause) *past {
	var p past
	cmd.Arg("runbook", "The service's runbook.").Required().StringVar(&p.runbook)
	cmd.Flag("prometheus.url", "Read history from this Prometheus.").StringVar(&p.url)
	cli.HTTPConfigFlag(cmd, &p.httpConfig)
	cmd.Flag("prometheus.read", "samples asks for raw samples with their own moments; query_range asks on the grid of metrics.interval, for servers that do not hand out raw samples.").Default("samples").EnumVar(&p.read, "samples", "query_range")
	cmd.Flag("tsdb", "Read history from this Prometheus data folder, or a snapshot of it, instead. Nothing in it is written.").StringVar(&p.tsdb)
	cmd.Flag("days", "How many days up to the end.").Default("7").Float64Var(&p.days)
	cmd.Flag("end", "The period's end, e.g. 2026-01-31T12:00:00Z; default: now, or the newest sample of the folder.").StringVar(&p.end)
	return &p
}

// backtestCommands are backtest and calibrate, which replay history. They need no daemon.
func backtestCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("backtest", "Show what would have fired in your history, beside what really happened. Example: autorollback-lab backtest runbooks/ranker.yaml --prometheus.url http://localhost:9090 --days 7 --releases releases.yaml --incidents incidents.json --pictures pictures/")
	p := pastFlags(cmd)
	releases := cmd.Flag("releases", "YAML or JSON list of {stable, candidate, start, end, weight}; default: found in the traffic of the versions.").String()
	incidents := cmd.Flag("incidents", "When something was really wrong: a YAML or JSON list of moments, of Alertmanager's alerts, of GitHub's issues or of Grafana's annotations. An empty list: nothing was.").String()
	tolerance := cmd.Flag("tolerance", "How far an alert may be from an incident to count as a hit.").Default("30m").Duration()
	factors := cmd.Flag("sensitivity", "Also try every threshold multiplied by these; empty: none.").Default("0.5,0.75,1.5,2").String()
	pictures := cmd.Flag("pictures", "Write one SVG for each trigger into this folder.").String()
	out := cli.OutputFlag(cmd)

	cal := app.Command("calibrate", "Releases in which nothing was released: random stable pods pose as the candidate in real history. Says how often the rules fire on them, and how much pods differ on their own. Exit code 3 if they prove to fire more often than they promise. Example: autorollback-lab calibrate runbooks/ranker.yaml --prometheus.url http://localhost:9090 --days 7")
	q := pastFlags(cal)
	length := cal.Flag("length", "How long each of these releases lasts.").Default("3h").Duration()
	draws := cal.Flag("draws", "How many of them run at the same time, each with other pods.").Default("4").Int()
	share := cal.Flag("share", "The share of the pods that pose as the candidate; two at least.").Default("0.3").Float64()
	seed := cal.Flag("seed", "The same seed draws the same pods.").Default("1").Uint64()
	calOut := cli.OutputFlag(cal)

	return map[string]cli.Action{
		cmd.FullCommand(): func(ctx context.Context) error {
			b := backtest.Backtest{Tolerance: *tolerance, Progress: progress(c.Err)}
			var err error
			if b.Factors, err = parseFactors(*factors); err != nil {
				return cli.Usage(err)
			}
			return p.open(ctx, func(rb *runbook.Runbook, source backtest.Source, from, to time.Time) error {
				b.Runbook, b.Source, b.From, b.To = rb, source, from, to
				if err := happened(ctx, &b, *releases, *incidents); err != nil {
					return err
				}
				report, err := b.Run(ctx)
				if err != nil {
					return err
				}
				return cli.Join(draw(report, *pictures), out.Print(c.Out, report, func() error { return printBacktest(c.Out, report) }))
			})
		},
		cal.FullCommand(): func(ctx context.Context) error {
			return q.open(ctx, func(rb *runbook.Runbook, source backtest.Source, from, to time.Time) error {
				report, err := backtest.Calibration{Runbook: rb, Source: source, From: from, To: to, Length: *length,
					Draws: *draws, Share: *share, Seed: *seed, Progress: progress(c.Err)}.Run(ctx)
				if err != nil {
					return err
				}
				err = calOut.Print(c.Out, report, func() error { return printCalibration(c.Out, report) })
				if err != nil || !report.Worse() {
					return err
				}
				return cli.Wanting("the rules fire on releases of nothing more often than they promise; look at the dispersion, and at what the pods that fired have in common")
			})
		},
	}
}

// open reads the runbook, opens the history and hands both to use.
func (p *past) open(ctx context.Context, use func(rb *runbook.Runbook, source backtest.Source, from, to time.Time) error) error {
	if (p.url == "") == (p.tsdb == "") {
		return cli.Usage(errors.New("name the history: either --prometheus.url or --tsdb"))
	}
	if !(p.days > 0) {
		return cli.Usage(fmt.Errorf("--days: %g is not a length of time; write a number above 0, e.g. 7 or 0.5", p.days))
	}
	rb, err := runbook.Load(p.runbook)
	if err != nil {
		return err
	}
	var end time.Time
	if p.end != "" {
		if end, err = backtest.ParseTime(p.end); err != nil {
			return cli.Usage(fmt.Errorf("--end: %w", err))
		}
	}
	if p.url != "" {
		source, err := p.remote(rb)
		if err != nil {
			return err
		}
		if end.IsZero() {
			end = time.Now()
		}
		return use(rb, source, p.begin(rb, end), end)
	}
	source, err := backtest.OpenTSDB(p.tsdb)
	if err != nil {
		return err
	}
	defer source.Close()
	if end.IsZero() {
		if end, err = newest(ctx, source, rb, p.tsdb); err != nil {
			return err
		}
	}
	return use(rb, source, p.begin(rb, end), end)
}

// begin is on the grid of the rules.
func (p *past) begin(rb *runbook.Runbook, end time.Time) time.Time {
	return end.Add(-time.Duration(p.days * float64(24*time.Hour))).Truncate(rb.Metrics.Step().Std())
}

func newest(ctx context.Context, source *backtest.TSDB, rb *runbook.Runbook, dir string) (time.Time, error) {
	counted := rb.Metrics.Select(rb.Metrics.Requests.All()[0])
	at, err := source.Newest(ctx, counted)
	if err == nil && at.IsZero() {
		err = fmt.Errorf("read TSDB %s: no series of %s; look at metrics.selector and metrics.requests in %s", dir, counted, rb.File)
	}
	return at, err
}

func (p *past) remote(rb *runbook.Runbook) (backtest.Source, error) {
	prom, err := daemon.OpenPrometheus("--prometheus.url", p.url, p.httpConfig)
	if err != nil {
		return nil, err
	}
	source := backtest.Remote{API: prom}
	if p.read == "query_range" {
		source.Step = rb.Metrics.Interval.Std()
	}
	return source, nil
}

// happened reads, or finds, what was released, and reads what was wrong.
func happened(ctx context.Context, b *backtest.Backtest, releases, incidents string) error {
	if incidents != "" {
		text, err := os.ReadFile(incidents)
		if err != nil {
			return fmt.Errorf("read incidents: %w", err)
		}
		if b.Incidents, err = backtest.ParseIncidents(incidents, b.Runbook.Service, text); err != nil {
			return err
		}
	}
	if releases != "" {
		text, err := os.ReadFile(releases)
		if err != nil {
			return fmt.Errorf("read releases: %w", err)
		}
		b.Releases, err = backtest.ParseReleases(releases, text)
		return err
	}
	var err error
	b.Derived = true
	b.Releases, err = backtest.DeriveReleases(ctx, b.Source, b.Runbook, b.From, b.To, b.Progress)
	return err
}

func parseFactors(text string) ([]float64, error) {
	var out []float64
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		v, err := strconv.ParseFloat(part, 64)
		if err != nil || !(v > 0) || v > 1000 || v == 1 {
			return nil, fmt.Errorf("--sensitivity: %q is not a factor; write numbers above 0 other than 1, e.g. 0.5,2", part)
		}
		out = append(out, v)
	}
	return out, nil
}

// draw writes the pictures into the folder, which it makes.
func draw(r backtest.Report, dir string) error {
	if dir == "" {
		return nil
	}
	for _, t := range r.Triggers {
		var picture bytes.Buffer
		err := r.Picture(&picture, t.Trigger)
		if err == nil {
			err = cli.WriteFile(filepath.Join(dir, t.Trigger+".svg"), picture.Bytes())
		}
		if err != nil {
			return fmt.Errorf("write picture of %s: %w", t.Trigger, err)
		}
	}
	return nil
}

// progress draws a bar where a human looks, and otherwise says each tenth in a line.
func progress(w io.Writer) backtest.Progress {
	began, tenth, what := time.Now(), -1, ""
	human := cli.Terminal(w)
	return func(done, of time.Duration, now string) {
		share := min(max(float64(done)/float64(max(of, 1)), 0), 1)
		if now != what && share < 0.5 && tenth >= 9 { // the next piece of work
			began, tenth = time.Now(), -1
		}
		what = now
		left := time.Duration(float64(time.Since(began)) * (1/max(share, 0.001) - 1)).Round(time.Second)
		line := fmt.Sprintf("[%-30s] %3.0f%% of %s, %s left; %s", strings.Repeat("=", int(share*30)), share*100, model.Duration(of.Round(time.Hour)), left, now)
		if human {
			fmt.Fprintf(w, "\r\x1b[K%s", line)
			if share >= 1 {
				fmt.Fprintln(w)
			}
			tenth = int(share * 10)
			return
		}
		if n := int(share * 10); n > tenth {
			tenth = n
			fmt.Fprintln(w, line)
		}
	}
}
