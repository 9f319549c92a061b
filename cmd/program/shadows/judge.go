package shadows

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/shadow"
	"github.com/autorollback/autorollback/shadow/diff"
	"github.com/autorollback/autorollback/shadow/recording"
	"github.com/autorollback/autorollback/shadow/report"
)

// judging are the flags that say how pairs are judged and where the verdict goes.
type judging struct {
	planFile, release, service, candidate, stable *string
	markdown, json, html, gate                    *string
	showBad                                       *int
	record                                        *bool
	out                                           *cli.Output
	remote                                        *cli.Remote
}

func judgeFlags(cmd *kingpin.CmdClause) *judging {
	return &judging{
		planFile:  cmd.Flag("plan", "How fields are compared and what must hold (YAML); without, the defaults.").String(),
		release:   cmd.Flag("release", "The release file that names the service and both bundles.").String(),
		service:   cmd.Flag("service", "The service, if there is no --release.").String(),
		candidate: cmd.Flag("candidate-digest", "The candidate bundle's digest, if there is no --release.").String(),
		stable:    cmd.Flag("stable-digest", "The stable bundle's digest, if there is no --release.").String(),
		markdown:  cmd.Flag("markdown", "Write the report as Markdown here.").String(),
		json:      cmd.Flag("json", "Write the report as JSON here.").String(),
		html:      cmd.Flag("html", "Write the report as one page with pictures here.").String(),
		gate:      cmd.Flag("gate-file", "Write the verdict as a small record here; needs the bundles' digests.").String(),
		record:    cmd.Flag("record", "Record the verdict with the daemon, which checks it when a release starts; needs the bundles' digests.").Bool(),
		out:       cli.OutputFlag(cmd),
		remote:    cli.RemoteFlags(cmd),
		showBad:   cmd.Flag("show-bad", "How many unreadable records to name.").Default("10").Int(),
	}
}

// wanted says whether a report was asked for.
func (j *judging) wanted() bool {
	return *j.planFile != "" || *j.markdown != "" || *j.json != "" || *j.html != "" || *j.gate != "" || *j.record
}

func (j *judging) plan() (shadow.Plan, error) {
	if *j.planFile == "" {
		return shadow.DefaultPlan(), nil
	}
	return shadow.LoadPlan(*j.planFile)
}

func (j *judging) report(ctx context.Context, c cli.Console, plan shadow.Plan, pairs string) error {
	var run shadow.Run
	return j.compare(ctx, c, plan, recording.ReadPairs(pairs, &run, nil), &run, pairs)
}

// compare judges the pairs; from are the files they come from, for their hash.
func (j *judging) compare(ctx context.Context, c cli.Console, plan shadow.Plan, pairs iter.Seq2[shadow.Pair, error], run *shadow.Run, from ...string) error {
	who, err := j.subject()
	if err != nil {
		return err
	}
	if (*j.gate != "" || *j.record) && (who.Service == "" || who.Candidate == "" || who.Stable == "") {
		return cli.Usage(fmt.Errorf("--gate-file and --record need --release, or --service, --candidate-digest and --stable-digest"))
	}
	report, err := diff.Compare(plan, who, pairs, run, shadow.Bad{Show: *j.showBad}, time.Now())
	if err != nil {
		return err
	}
	for _, line := range append(report.Counts.Run.FirstBad, report.Counts.Bad.First...) {
		fmt.Fprintln(c.Err, line)
	}
	if report.Recording, err = digestOf(from...); err != nil {
		return err
	}
	if err := j.write(report); err != nil {
		return err
	}
	if *j.record {
		if err := j.keep(ctx, c, report); err != nil {
			return err
		}
	}
	return cli.Join(j.out.Print(c.Out, report, func() error { return printVerdict(c, report) }), conclude(report))
}

// keep records the verdict with the daemon.
func (j *judging) keep(ctx context.Context, c cli.Console, r *diff.Report) error {
	gate, err := r.Gate()
	if err != nil {
		return err
	}
	v, err := recordVerdict(ctx, j.remote, gate)
	if err != nil {
		return fmt.Errorf("record verdict: %w", err)
	}
	fmt.Fprintln(c.Err, recorded(v))
	return nil
}

func (j *judging) write(r *diff.Report) error {
	gate := func() ([]byte, error) {
		g, err := r.Gate()
		if err != nil {
			return nil, err
		}
		return indented(g)
	}
	for _, out := range []struct {
		path string
		text func() ([]byte, error)
	}{
		{*j.markdown, func() ([]byte, error) { return report.Markdown(r), nil }},
		{*j.json, r.JSON}, {*j.html, func() ([]byte, error) { return report.HTML(r) }}, {*j.gate, gate},
	} {
		if out.path == "" {
			continue
		}
		text, err := out.text()
		if err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		if err := cli.WriteFile(out.path, text); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}

func printVerdict(c cli.Console, r *diff.Report) error {
	fmt.Fprintf(c.Out, "%s: %s\n", c.State(string(r.Verdict)), r.Reason)
	for i, f := range r.Findings {
		if i > 0 {
			fmt.Fprintf(c.Out, "  also %s by %s: %s\n", f.Verdict, f.Rule, f.Text)
		}
	}
	for _, n := range r.Notes {
		fmt.Fprintln(c.Out, "  note: "+n)
	}
	return nil
}

// conclude is the exit code of a verdict.
func conclude(r *diff.Report) error {
	switch r.Verdict {
	case shadow.Pass:
		return nil
	case shadow.Block:
		return cli.Wanting("the candidate is blocked by the rule " + r.Rule)
	}
	return cli.Unclear("no verdict, by the rule " + r.Rule + ": that blocks as well")
}
