package doctor

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/model"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/promapi"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/view"
)

// scrapeEvery is how often the daemon is to be scraped: alerts read its significance.
const scrapeEvery = 5 * time.Second

// compared is exported for every service that has a runbook.
const compared = "autorollback_rule_check_timestamp_seconds"

func (d *Doctor) answers(ctx context.Context) view.Check {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	began := time.Now()
	if _, err := d.vector(ctx, "vector(1)"); err != nil {
		return off(prometheusPart, "answers", err.Error(),
			"start Prometheus, or correct --prometheus.url and its client's file")
	}
	return ok(prometheusPart, "answers", fmt.Sprintf("in %s", short(time.Since(began))))
}

// vector asks an instant query at Prometheus' own now.
func (d *Doctor) vector(ctx context.Context, query string) (model.Vector, error) {
	v, err := promapi.Vector(ctx, d.Prometheus, query, time.Time{})
	if err != nil {
		return nil, fmt.Errorf("ask Prometheus: %w", err)
	}
	return v, nil
}

// prometheus checks how Prometheus sees the daemon.
func (p *patient) prometheus(ctx context.Context) []view.Check {
	return append(p.scrape(ctx), p.installation(ctx)...)
}

// installation checks clocks and external labels.
func (p *patient) installation(ctx context.Context) []view.Check {
	regions := map[string]bool{}
	region := ""
	for _, rb := range p.runbooks {
		for _, region = range rb.Regions {
			regions[region] = true
		}
	}
	if len(regions) != 1 {
		region = ""
	}
	found, err := p.Arming.Installation(ctx, region)
	if err != nil {
		return []view.Check{unknown(prometheusPart, "clock", err.Error(), "ask again")}
	}
	names := map[rules.Kind]string{arming.Clock: "clock", arming.External: "external labels"}
	fine := map[rules.Kind]string{
		arming.Clock:    "no more than 5s from the daemon's",
		arming.External: "none has the name of one of ours",
	}
	var out []view.Check
	for _, f := range found {
		delete(fine, f.Kind)
		out = append(out, degraded(prometheusPart, names[f.Kind], f.What, f.Fix))
	}
	for kind, what := range fine {
		out = append(out, ok(prometheusPart, names[kind], what))
	}
	return out
}

const scrapeFix = "let this Prometheus scrape the daemon's /metrics every 5s, with `honor_labels: true`"

// scrape checks that Prometheus scrapes this process, often enough, and changes no label.
func (p *patient) scrape(ctx context.Context) []view.Check {
	targets, targetsErr := p.Prometheus.Targets(ctx)
	self, err := p.self(ctx)
	switch {
	case err != nil:
		return []view.Check{unknown(prometheusPart, "scrape", err.Error(), "ask again")}
	case self == nil:
		return []view.Check{off(prometheusPart, "scrape", p.unscraped(ctx, targets), scrapeFix)}
	}
	checks := []view.Check{p.labels(ctx, self)}
	if targetsErr != nil {
		return append(checks, unknown(prometheusPart, "scrape", targetsErr.Error(),
			"use a Prometheus that has /api/v1/targets"))
	}
	for _, t := range targets {
		if t.Labels["job"] == string(self["job"]) && t.Labels["instance"] == string(self["instance"]) {
			return append(checks, interval(t))
		}
	}
	return append(checks, off(prometheusPart, "scrape", "Prometheus no longer scrapes this daemon",
		scrapeFix))
}

// self is the job and instance under which this process is scraped; nil: it is not. Where its
// start is not exported any daemon is taken for it.
func (p *patient) self(ctx context.Context) (model.Metric, error) {
	query := "autorollback_up unless on (job, instance) process_start_time_seconds"
	if p.ProcessStart > 0 {
		start := strconv.FormatFloat(p.ProcessStart, 'g', -1, 64)
		query = "autorollback_up and on (job, instance) (process_start_time_seconds == " + start + ") or " + query
	}
	v, err := p.vector(ctx, "group by (job, instance) ("+query+")")
	if err != nil || len(v) == 0 {
		return nil, err
	}
	return v[0].Metric, nil
}

// unscraped says why the daemon's series are not there, if that can be seen.
func (p *patient) unscraped(ctx context.Context, targets []promapi.Target) string {
	for _, t := range targets {
		u, err := url.Parse(t.ScrapeURL)
		if err == nil && u.Port() == p.WebPort && t.Health == "down" {
			return fmt.Sprintf("Prometheus fails to scrape %s: %s", t.ScrapeURL, t.LastError)
		}
	}
	if v, err := p.vector(ctx, "count(autorollback_up)"); err == nil && len(v) > 0 {
		return "Prometheus scrapes another daemon, and not this one"
	}
	return "Prometheus does not scrape the daemon: only absolute limits can fire"
}

func interval(t promapi.Target) view.Check {
	every, err := runbook.ParseDuration(t.ScrapeInterval)
	switch {
	case t.Health == "down":
		return off(prometheusPart, "scrape", t.ScrapeURL+": "+t.LastError, scrapeFix)
	case err != nil:
		return unknown(prometheusPart, "scrape", t.ScrapeURL+" is scraped, but how often is not known", "")
	case every.Std() > scrapeEvery:
		return degraded(prometheusPart, "scrape",
			fmt.Sprintf("%s is scraped every %s: alerts come that much later", t.ScrapeURL, every),
			"write `scrape_interval: 5s` where Prometheus scrapes the daemon")
	}
	return ok(prometheusPart, "scrape", fmt.Sprintf("%s every %s", t.ScrapeURL, every))
}

// joined are the labels that rules join on.
var joined = []string{"service", "region", "release", "trigger", "role", "version"}

// labels checks that what the daemon exports arrives under its own labels.
func (p *patient) labels(ctx context.Context, self model.Metric) view.Check {
	where := fmt.Sprintf("job=%q,instance=%q", string(self["job"]), string(self["instance"]))
	exported := "exported_" + strings.Join(joined, ", exported_")
	v, err := p.vector(ctx, fmt.Sprintf(`group by (%s) ({__name__=~"autorollback_.+",%s})`, exported, where))
	if err != nil {
		return unknown(prometheusPart, "labels", err.Error(), "ask again")
	}
	for _, s := range v {
		for _, label := range joined {
			if s.Metric[model.LabelName("exported_"+label)] != "" {
				return off(prometheusPart, "labels",
					fmt.Sprintf("the target has a label %[1]s, so the daemon's own has become exported_%[1]s: the rules match nothing", label),
					"write `honor_labels: true` where Prometheus scrapes the daemon")
			}
		}
	}
	v, err = p.vector(ctx, fmt.Sprintf("group by (service) (%s{%s})", compared, where))
	if err != nil {
		return unknown(prometheusPart, "labels", err.Error(), "ask again")
	}
	for _, s := range v {
		if s.Metric["service"] == "" {
			return off(prometheusPart, "labels", "the label service is dropped on the way: the rules match nothing",
				"drop no label of autorollback_* in metric_relabel_configs")
		}
	}
	return ok(prometheusPart, "labels", "the daemon's series arrive under their own labels")
}
