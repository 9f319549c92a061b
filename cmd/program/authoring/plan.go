package authoring

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
)

// planFlags are what a plan is made from.
type planFlags struct {
	rate, dispersion          float64
	rateFrom, httpConfig      string
	steps                     string
	stepDuration, scrape      string
	errorRate, p50, p95       string
	kpiRates, kpiSpreads      []string
	kpiTrials                 float64
	candidatePods, stablePods int
}

// declarePlan declares the flags; rate is the name of the one that gives the rate.
func declarePlan(cmd *kingpin.CmdClause, rate string) *planFlags {
	var f planFlags
	cmd.Flag(rate, "Requests per second of the service, all versions together.").Float64Var(&f.rate)
	cmd.Flag("rate-from", "Ask this Prometheus for the rate, and for all levels that no flag gives (the last hour).").StringVar(&f.rateFrom)
	cli.HTTPConfigFlag(cmd, &f.httpConfig)
	cmd.Flag("steps", "The candidate's weights in percent, e.g. 1,5,25,50,100; default: the runbook's rollout, or else these.").StringVar(&f.steps)
	cmd.Flag("step-duration", "How long each step is held; default: as the runbook's rollout says, or else 10m.").StringVar(&f.stepDuration)
	cmd.Flag("error-rate", "Usual error rate, e.g. 0.5%.").StringVar(&f.errorRate)
	cmd.Flag("p50", "Usual P50 latency, e.g. 110ms.").StringVar(&f.p50)
	cmd.Flag("p95", "Usual P95 latency, e.g. 250ms.").StringVar(&f.p95)
	cmd.Flag("kpi-rate", "Usual level of the KPIs, e.g. 3%, or of one, e.g. conversion=3%; may be repeated.").StringsVar(&f.kpiRates)
	cmd.Flag("kpi-spread", "Standard deviation of what one trial brings over its mean, of the KPIs that are means, e.g. 9.5, or of one, e.g. revenue=9.5; may be repeated.").StringsVar(&f.kpiSpreads)
	cmd.Flag("kpi-trials", "KPI trials per request.").Float64Var(&f.kpiTrials)
	cmd.Flag("candidate-pods", "Pods of the candidate.").IntVar(&f.candidatePods)
	cmd.Flag("stable-pods", "Pods of the stable version.").IntVar(&f.stablePods)
	cmd.Flag("dispersion", "How many times more than chance the pods differ among themselves, 1 or more.").Float64Var(&f.dispersion)
	cmd.Flag("scrape-interval", "How often the pods are really scraped, if not as the runbook says.").StringVar(&f.scrape)
	return &f
}

// planCommand is rules plan. It needs no daemon.
func planCommand(cmd *kingpin.CmdClause, c cli.Console) map[string]cli.Action {
	command := cmd.Command("plan", "Show before a release what each trigger can prove at each step, and how long it takes from breach to alert. Exit code 3 if a trigger can never fire. Example: autorollback rules plan runbooks/ranker.yaml --rate 10 --steps 1,5,25,50,100 --step-duration 10m")
	path := command.Arg("runbook", "The runbook.").Required().String()
	flags := declarePlan(command, "rate")
	out := cli.OutputFlag(command)
	return map[string]cli.Action{command.FullCommand(): func(ctx context.Context) error {
		rb, err := runbook.Load(*path)
		if err != nil {
			return err
		}
		p, err := flags.plan(ctx, rb)
		if err != nil {
			return err
		}
		err = out.Print(c.Out, p, func() error { return p.WriteText(c.Out) })
		return cli.Join(err, cli.Found(p.Errors(), "error in the plan", "errors in the plan"))
	}}
}

// asked reports whether a plan was asked for at all.
func (f *planFlags) asked() bool { return f.rate != 0 || f.rateFrom != "" }

// plan makes the plan: flags before Prometheus before defaults.
func (f *planFlags) plan(ctx context.Context, rb *runbook.Runbook) (plan.Plan, error) {
	if !f.asked() {
		return plan.Plan{}, cli.Usage(fmt.Errorf("say how much traffic there is: --rate or --rate-from"))
	}
	steps, err := f.ramp(rb)
	if err != nil {
		return plan.Plan{}, cli.Usage(err)
	}
	given, err := f.traffic(rb)
	if err != nil {
		return plan.Plan{}, cli.Usage(err)
	}
	var traffic plan.Traffic
	if f.rateFrom != "" {
		if traffic, err = askTraffic(ctx, rb, f.rateFrom, f.httpConfig); err != nil {
			return plan.Plan{}, err
		}
	}
	if traffic = traffic.But(given); !(traffic.Rate > 0) {
		return plan.Plan{}, cli.Usage(fmt.Errorf("the request rate must be above 0: --rate, or a --rate-from that has seen traffic within the last hour"))
	}
	return plan.New(rb, traffic, steps)
}

// ramp is the runbook's, but for what the flags say.
func (f *planFlags) ramp(rb *runbook.Runbook) ([]plan.Step, error) {
	hold, err := optional("--step-duration", f.stepDuration, runbook.ParseDuration)
	if err != nil {
		return nil, err
	}
	if f.steps != "" {
		if hold == 0 {
			hold = plan.DefaultSteps()[0].For
		}
		steps, err := plan.ParseSteps(f.steps, hold)
		if err != nil {
			return nil, fmt.Errorf("--steps: %w", err)
		}
		return steps, nil
	}
	steps := plan.StepsOf(rb)
	for i := range steps {
		if hold > 0 {
			steps[i].For = hold
		}
	}
	return steps, nil
}

// traffic is what the flags say.
func (f *planFlags) traffic(rb *runbook.Runbook) (plan.Traffic, error) {
	t := plan.Traffic{Rate: f.rate, CandidatePods: f.candidatePods, StablePods: f.stablePods, Dispersion: f.dispersion,
		KPIs: map[string]plan.Baseline{}, Sources: map[string]string{}}
	if f.rate < 0 || f.candidatePods < 0 || f.stablePods < 0 || f.kpiTrials < 0 || f.dispersion != 0 && f.dispersion < 1 {
		return t, fmt.Errorf("rates, pods and trials are not negative, and the dispersion is 1 or more")
	}
	for _, d := range []struct {
		flag, text string
		to         *float64
	}{{"--p50", f.p50, &t.P50}, {"--p95", f.p95, &t.P95}} {
		v, err := optional(d.flag, d.text, runbook.ParseDuration)
		if err != nil {
			return t, err
		}
		*d.to = v.Std().Seconds()
	}
	if t.P50 > 0 && t.P95 > 0 && t.P50 >= t.P95 {
		return t, fmt.Errorf("--p50 %s is not below --p95 %s", f.p50, f.p95)
	}
	rate, err := optional("--error-rate", f.errorRate, runbook.ParseRatio)
	if err != nil {
		return t, err
	}
	t.ErrorRate = float64(rate)
	if t.Scrape, err = optional("--scrape-interval", f.scrape, runbook.ParseDuration); err != nil {
		return t, err
	}
	return t, f.kpis(rb, &t)
}

// kpis reads "3%" for all KPIs, or "conversion=3%" for one.
func (f *planFlags) kpis(rb *runbook.Runbook, t *plan.Traffic) error {
	for _, k := range rb.Metrics.KPIs {
		t.KPIs[k.Name] = plan.Baseline{Trials: f.kpiTrials}
	}
	for _, text := range f.kpiRates {
		name, rate, one := strings.Cut(text, "=")
		if !one {
			name, rate = "", text
		}
		r, err := runbook.ParseRatio(rate)
		if err != nil {
			return fmt.Errorf("--kpi-rate: %w", err)
		}
		if _, ok := t.KPIs[name]; one && !ok {
			return fmt.Errorf("--kpi-rate: the runbook has no KPI %q", name)
		}
		for k, v := range t.KPIs {
			if kpi, _ := rb.KPI(k); one && k == name && kpi.IsMean() {
				return fmt.Errorf("--kpi-rate: KPI %s is a mean and no share; its plan rests on --kpi-spread %s=9.5", k, k)
			} else if !kpi.IsMean() && (!one || k == name) {
				v.Rate = float64(r)
				t.KPIs[k] = v
			}
		}
	}
	if err := f.spreads(rb, t); err != nil {
		return err
	}
	for _, name := range []string{"rate", "error_rate", "p50", "p95", "candidate_pods", "stable_pods", "dispersion", "scrape"} {
		t.Sources[name] = "flag"
	}
	for k := range t.KPIs {
		t.Sources["kpi "+k], t.Sources["trials "+k], t.Sources["spread "+k] = "flag", "flag", "flag"
	}
	return nil
}

// spreads reads "9.5" for all KPIs that are means, or "revenue=9.5" for one.
func (f *planFlags) spreads(rb *runbook.Runbook, t *plan.Traffic) error {
	for _, text := range f.kpiSpreads {
		name, spread, one := strings.Cut(text, "=")
		if !one {
			name, spread = "", text
		}
		v, err := strconv.ParseFloat(spread, 64)
		if err != nil || !(v > 0) || math.IsInf(v, 0) {
			return fmt.Errorf("--kpi-spread: %q is not a number above 0", spread)
		}
		if kpi, ok := rb.KPI(name); one && !(ok && kpi.IsMean()) {
			return fmt.Errorf("--kpi-spread: the runbook has no KPI %q that is a mean", name)
		}
		for _, k := range rb.Metrics.KPIs {
			if base := t.KPIs[k.Name]; k.IsMean() && (!one || k.Name == name) {
				base.Spread = v
				t.KPIs[k.Name] = base
			}
		}
	}
	return nil
}

func optional[T any](flag, text string, parse func(string) (T, error)) (T, error) {
	var zero T
	if text == "" {
		return zero, nil
	}
	v, err := parse(text)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", flag, err)
	}
	return v, nil
}

// askTraffic asks a Prometheus for the service's levels.
func askTraffic(ctx context.Context, rb *runbook.Runbook, url, httpConfig string) (plan.Traffic, error) {
	q, err := rules.Ask(rb)
	if err != nil {
		return plan.Traffic{}, err
	}
	prom, err := daemon.OpenPrometheus("--rate-from", url, httpConfig)
	if err != nil {
		return plan.Traffic{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	answers := map[string]float64{}
	for _, question := range q.Traffic() {
		v, err := promapi.Vector(ctx, prom, question.Expr.String(), time.Now())
		if err != nil {
			return plan.Traffic{}, noPrometheus("--rate-from", url, fmt.Errorf("ask Prometheus for %s: %w", question.Name, err))
		}
		if len(v) == 1 {
			answers[question.Name] = float64(v[0].Value)
		}
	}
	return plan.TrafficFrom(rb, answers, "Prometheus"), nil
}
