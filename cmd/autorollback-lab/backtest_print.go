package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/autorollback/autorollback/backtest"
)

// printBacktest writes the report as tables.
func printBacktest(w io.Writer, r backtest.Report) error {
	how := "from the list"
	if r.Derived {
		how = "found in the traffic"
	}
	fmt.Fprintf(w, "%s, %s to %s (%.3g days, every %s): %s\n", r.Service, utc(r.From), utc(r.To), r.Speed.Days, r.Interval, r.Sentence())
	fmt.Fprintf(w, "%d releases, %s; replayed in %.0f s, %.2g days a minute\n", len(r.Releases), how, r.Speed.Seconds, r.Speed.DaysPerMinute)
	if r.Observes {
		fmt.Fprintln(w, "The runbook observes: the policy column is what an armed one would have done.")
	}
	t := columns(w)
	fmt.Fprint(t, "\nAT\tTRIGGER\tRELEASE\tLASTED\tVALUE\tWORST\tSIGNIFICANCE\tPODS\tPOLICY\tREALLY\n")
	for _, f := range r.Firings {
		fmt.Fprintln(t, strings.Join(firingRow(f), "\t"))
	}
	if len(r.Firings) == 0 {
		fmt.Fprintln(t, "nothing fired")
	}
	wrong := "FALSE"
	if !r.Judged {
		wrong = "UNJUDGED"
	}
	fmt.Fprintf(t, "\nTRIGGER\tTHRESHOLD\tALARMS\tHITS\t%s\t%[1]s/WEEK\tAT MOST (95%%)", wrong)
	if len(r.Triggers) > 0 {
		for _, v := range r.Triggers[0].Sensitivity {
			fmt.Fprintf(t, "\tx%g", v.Factor)
		}
	}
	fmt.Fprintln(t)
	for _, one := range r.Triggers {
		fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%s\t%s", one.Trigger, one.Threshold, one.Alarms, one.Hits, one.False, weekly(one.FalsePerWeek), weekly(one.AtMost))
		for _, v := range one.Sensitivity {
			fmt.Fprintf(t, "\t%s (%d hits)", weekly(v.FalsePerWeek), v.Hits)
		}
		fmt.Fprintln(t)
	}
	if r.Judged {
		fmt.Fprint(t, "\nINCIDENT\tFROM\tOUTCOME\tBY\tFIRST ALERT\n")
		for _, i := range r.Incidents {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", i.Name, utc(i.From), i.Outcome, strings.Join(i.By, ", "), lead(i))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if len(r.Triggers) > 0 && len(r.Triggers[0].Sensitivity) > 0 {
		fmt.Fprintln(w, "\nx columns: the same a week with every threshold multiplied. Below 1 is more sensitive.")
	}
	warn(w, r.Warnings)
	return nil
}

// weekly has two digits, and no exponent where it is large.
func weekly(v float64) string {
	if v >= 10 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

func firingRow(f backtest.Firing) []string {
	significance, pods, policy := "-", "-", "page"
	if b := f.Breach; b != nil {
		pods = fmt.Sprintf("%d+%d", b.CandidatePods, b.StablePods)
		if s := b.Significance; !s.At.IsZero() {
			significance = fmt.Sprintf("%.1f", min(s.Value, 999))
		}
	}
	if d := f.Decision; d != nil {
		policy = fmt.Sprintf("%s (%s)", d.Action, d.Guard)
	}
	lasted := f.To.Sub(f.From).Round(time.Second).String()
	if f.Still {
		lasted += " and on"
	}
	really := string(f.Verdict)
	if f.Incident != "" {
		really += ": " + f.Incident
	}
	release := f.Release
	if release == "" {
		release = "-"
	}
	return []string{utc(f.From), f.Trigger, release, lasted, fmt.Sprintf("%.3g", f.Value), fmt.Sprintf("%.3g", f.Worst), significance, pods, policy, really}
}

func lead(i backtest.RealIncident) string {
	d := time.Duration(i.Lead * float64(time.Second)).Round(time.Second)
	switch {
	case len(i.By) == 0:
		return "-"
	case d < 0:
		return (-d).String() + " before"
	}
	return d.String() + " after"
}

// printCalibration writes the report as tables, or as JSON.
func printCalibration(w io.Writer, r backtest.CalibrationReport) error {
	fmt.Fprintf(w, "%s, %s to %s: %d releases of nothing, %s each, seed %d; %.0f s, %.2g days a minute\n",
		r.Service, utc(r.From), utc(r.To), r.Trials, r.Length, r.Seed, r.Speed.Seconds, r.Speed.DaysPerMinute)
	fmt.Fprintf(w, "The rules promise at most %.2g%% of good releases.\n", 100*r.Promised)
	t := columns(w)
	fmt.Fprint(t, "\nTRIGGER\tFIRED\tOF\tRATE\t95% INTERVAL\n")
	for _, one := range append(r.Triggers, r.Any, r.Blind) {
		name := one.Trigger
		if name == r.Blind.Trigger {
			name += " (no data: not a false alarm)"
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%.2g%%\t%.2g%% to %.2g%%\n", name, one.Fired, one.Trials, 100*one.Rate, 100*one.Low, 100*one.High)
	}
	fmt.Fprint(t, "\nTRIGGER\tDISPERSION, MEDIAN\t90% BELOW\tMOST\tLOOKS\n")
	for _, d := range r.Dispersion {
		fmt.Fprintf(t, "%s\t%.2f\t%.2f\t%.2f\t%d\n", d.Trigger, d.Median, d.P90, d.Max, d.Looks)
	}
	if len(r.Alarms) > 0 {
		fmt.Fprint(t, "\nFIRED AT\tTRIGGER\tVALUE\tPOSING PODS\n")
		for _, a := range r.Alarms {
			fmt.Fprintf(t, "%s\t%s\t%.3g\t%s\n", utc(a.From), a.Trigger, a.Value, strings.Join(a.Posing, " "))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nA dispersion of 1 is chance; the significance is divided by it.")
	warn(w, r.Warnings)
	for _, s := range r.Skipped {
		fmt.Fprintln(w, "skipped: "+s)
	}
	return nil
}

func warn(w io.Writer, warnings []string) {
	for _, one := range warnings {
		fmt.Fprintln(w, "warning: "+one)
	}
}

func columns(w io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0) }

func utc(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05Z") }
