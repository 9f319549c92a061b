// Command run prints the decision-quality suite's table: see docs/quality.md.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"time"

	"github.com/autorollback/autorollback/test/quality"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "quality:", err)
		os.Exit(1)
	}
}

type options struct {
	scenarios, csv, export, only, output string
	seeds, ablations, workers            int
	first                                uint64
	hours                                float64
	interval                             time.Duration
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("quality", flag.ContinueOnError)
	f.StringVar(&o.scenarios, "scenarios", "", "folder of scenario files, instead of the built-in ones")
	f.StringVar(&o.only, "only", "", "names of scenarios, with commas between them")
	f.StringVar(&o.csv, "csv", "", "folder of recorded releases as CSV, instead of scenarios")
	f.StringVar(&o.export, "export", "", "folder to write the traces to as CSV, instead of judging them")
	f.StringVar(&o.output, "o", "text", "text or json")
	f.IntVar(&o.seeds, "seeds", 120, "releases of each scenario")
	f.IntVar(&o.ablations, "ablations", 30, "of which so many are judged with each part taken out as well")
	f.IntVar(&o.workers, "workers", runtime.NumCPU(), "traces at a time")
	f.Uint64Var(&o.first, "first", 1000, "first seed")
	f.Float64Var(&o.hours, "hours", 0, "length of a release; 0: as its scenario says")
	f.DurationVar(&o.interval, "interval", 0, "of scrapes and evaluations; 0: 30s, or as a CSV file has it")
	err := f.Parse(args)
	if err == nil && f.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", f.Arg(0))
	}
	return o, err
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	if o.csv != "" {
		outcomes, err := quality.Replay(o.csv, o.interval, o.ablations > 0)
		if err != nil {
			return err
		}
		return o.write(stdout, outcomes)
	}
	plan, err := o.plan()
	if err != nil {
		return err
	}
	if o.export != "" {
		return quality.Export(o.export, plan)
	}
	began := time.Now()
	outcomes, err := quality.Run(ctx, plan, stderr)
	if err != nil {
		return err
	}
	if o.output == "text" {
		fmt.Fprintf(stdout, "%d releases: %d seeds from %d of each of %d scenarios, interval %s, in %s.\n\n",
			len(outcomes), plan.Seeds, plan.First, len(plan.Scenarios), plan.Interval, time.Since(began).Round(time.Second))
	}
	return o.write(stdout, outcomes)
}

func (o options) plan() (quality.Plan, error) {
	p := quality.Plan{First: o.first, Seeds: o.seeds, Ablations: o.ablations, Interval: o.interval, Workers: o.workers,
		Length: time.Duration(o.hours * float64(time.Hour))}
	if p.Interval == 0 {
		p.Interval = 30 * time.Second
	}
	all, err := quality.Builtin()
	if o.scenarios != "" {
		all, err = quality.LoadDir(o.scenarios)
	}
	if err != nil {
		return p, err
	}
	for _, s := range all {
		if o.only == "" || strings.Contains(","+o.only+",", ","+s.Name+",") {
			p.Scenarios = append(p.Scenarios, s)
		}
	}
	if len(p.Scenarios) == 0 {
		return p, fmt.Errorf("-only: no scenario is called %s", o.only)
	}
	return p, nil
}

func (o options) write(to io.Writer, outcomes []quality.Outcome) error {
	if o.output == "json" {
		e := json.NewEncoder(to)
		e.SetIndent("", " ")
		return e.Encode(quality.Summary(outcomes))
	}
	quality.Table{Outcomes: outcomes}.Write(to)
	return nil
}
