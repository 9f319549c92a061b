// Package authoring is the subcommands for what a team writes before a release, and that need no daemon: runbook
// and rules. It never changes a file that it was not told to write.
package authoring

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/arming"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
	"github.com/autorollback/autorollback/schemas"
)

// RunbookCommands are runbook new, check, render and schema. They need no daemon.
func RunbookCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("runbook", "Write, check and print runbooks.")
	neu := cmd.Command("new", "Start a runbook from a template. Example: autorollback runbook new canary --service ranker > runbooks/ranker.yaml")
	kind := neu.Arg("template", "canary (1, 5, 25, 50, 100 %), canary-from-5, bluegreen or shadow.").HintOptions(templates.Kinds()...).Required().Enum(templates.Kinds()...)
	service := neu.Flag("service", "The model service's name.").String()
	metrics := neu.Flag("metrics", "Fill in what is known of this exporter's metrics, such as istio or vllm; help lists them.").String()
	output := neu.Flag("output", "Write to this file, which must not exist yet, instead of standard output.").Short('O').String()

	check := cmd.Command("check", "Check runbooks strictly, and report the five readiness checks and what is still the template's; with --prometheus.url also whether their series are there. Exits 3 if any fails. Example: autorollback runbook check runbooks/ --prometheus.url http://localhost:9090")
	checkPaths := check.Arg("path", "Files or folders.").Required().Strings()
	checkPlan := declarePlan(check, "traffic")
	live := check.Flag("prometheus.url", "A live Prometheus: whether the series that the runbook declares are there and mean what it says.").String()
	checkRegions := regionsFileFlag(check)
	checkOutput := cli.OutputFlag(check)

	render := cmd.Command("render", "Print the one page that a human follows, as Markdown. Example: autorollback runbook render runbooks/ranker.yaml")
	renderPath := render.Arg("file", "The runbook.").Required().String()

	schema := cmd.Command("schema", "Print the JSON Schema of a kind of file, for editors and pipelines. Example: autorollback runbook schema runbook")
	schemaOf := schema.Arg("file", "runbook, release or scenario.").HintOptions(schemas.Names()...).Default("runbook").Enum(schemas.Names()...)

	return map[string]cli.Action{
		schema.FullCommand(): func(context.Context) error {
			text, err := schemas.Read(*schemaOf)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(text)
			return err
		},
		neu.FullCommand(): func(context.Context) error {
			if *metrics == "help" {
				_, err := io.WriteString(c.Out, templates.Describe())
				return err
			}
			if *service == "" {
				return cli.Usage(errors.New("whose runbook? Name the service: --service ranker"))
			}
			text, err := templates.NewWith(*kind, *service, *metrics)
			if err != nil {
				return cli.Usage(err)
			}
			return writeNew(c.Out, *output, text)
		},
		check.FullCommand(): func(ctx context.Context) error {
			return checkRunbooks(ctx, c, *checkRegions, *checkPaths, checkPlan, liveCheck{*live, checkPlan.httpConfig}, checkOutput)
		},
		render.FullCommand(): func(context.Context) error {
			rb, err := runbook.Load(*renderPath)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(runbook.Render(rb))
			return err
		},
	}
}

// Checked is one runbook's line of `runbook check -o json`.
type Checked struct {
	Service string              `json:"service"`
	File    string              `json:"file"`
	Checks  []runbook.SelfCheck `json:"checks"`
	Plan    *plan.Plan          `json:"plan,omitempty"`
	Live    []liveFinding       `json:"live,omitempty"`
}

// A liveCheck asks a Prometheus what can be asked of a runbook before it is deployed.
type liveCheck struct{ url, httpConfig string }

// A liveFinding is what keeps a trigger from firing, or from being right.
type liveFinding struct {
	Kind    string `json:"kind"`
	Region  string `json:"region"`
	Trigger string `json:"trigger,omitempty"` // empty: every trigger
	What    string `json:"what"`
	Fix     string `json:"fix"`
}

func (l liveCheck) findings(ctx context.Context, rb *runbook.Runbook) ([]liveFinding, error) {
	if l.url == "" {
		return nil, nil
	}
	prom, err := daemon.OpenPrometheus("--prometheus.url", l.url, l.httpConfig)
	if err != nil {
		return nil, err
	}
	var out []liveFinding
	for _, region := range rb.Regions {
		found, err := arming.New(prom, time.Now).Runbook(ctx, rb, region)
		if err != nil {
			return nil, noPrometheus("--prometheus.url", l.url, err)
		}
		for _, d := range found {
			out = append(out, liveFinding{string(d.Kind), region, d.Trigger, d.What, d.Fix})
		}
	}
	return out, nil
}

func (f liveFinding) String() string {
	who := "every trigger"
	if f.Trigger != "" {
		who = f.Trigger
	}
	return fmt.Sprintf("%s: %s: %s; %s", f.Kind, who, f.What, f.Fix)
}

func checkRunbooks(ctx context.Context, c cli.Console, regionsFile string, paths []string, plan *planFlags, live liveCheck, out *cli.Output) error {
	places, err := daemon.Places(regionsFile)
	if err != nil {
		return err
	}
	runbooks, err := places.LoadAll(paths...)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return err
	case err != nil:
		return cli.Wanting(err.Error())
	}
	var all []Checked
	missing := 0
	for _, rb := range runbooks {
		one := Checked{Service: rb.Service, File: rb.File, Checks: append(rb.SelfChecks(), rb.Leftovers()...)}
		if one.Live, err = live.findings(ctx, rb); err != nil {
			return err
		}
		missing += len(one.Live)
		if plan.asked() {
			p, err := plan.plan(ctx, rb)
			if err != nil {
				return err
			}
			one.Plan = &p
			missing += p.Errors()
		}
		for _, s := range one.Checks {
			if !s.OK {
				missing++
			}
		}
		all = append(all, one)
	}
	err = out.Print(c.Out, all, func() error { return printChecked(c, all, live.url != "") })
	return cli.Join(err, foundMissing(missing, plan))
}

func printChecked(c cli.Console, all []Checked, live bool) error {
	for _, one := range all {
		fmt.Fprintf(c.Out, "%s: %s reads well\n", one.File, one.Service)
		for _, s := range one.Checks {
			box, fix := "x", ""
			if !s.OK {
				box, fix = " ", "; "+s.Fix
			}
			fmt.Fprintf(c.Out, "  [%s] %s: %s%s\n", box, s.Name, s.Why, fix)
		}
		for _, f := range one.Live {
			fmt.Fprintf(c.Out, "  [ ] %s\n", f)
		}
		if live && len(one.Live) == 0 {
			fmt.Fprintln(c.Out, "  [x] every series that it declares is there, and means what it says")
		}
		if one.Plan != nil {
			fmt.Fprintln(c.Out)
			if err := one.Plan.WriteText(c.Out); err != nil {
				return err
			}
		}
	}
	return nil
}

func foundMissing(n int, plan *planFlags) error {
	if plan.asked() {
		return cli.Found(n, "box or error in the plan", "boxes and errors in the plan")
	}
	return cli.Found(n, "box", "boxes")
}

// writeNew writes to a file that must not exist yet, or to w if no file is named.
func writeNew(w io.Writer, path string, text []byte) error {
	if path == "" {
		_, err := w.Write(text)
		return err
	}
	if err := cli.WriteNew(path, text); err != nil {
		return fmt.Errorf("write runbook: %w", err)
	}
	return nil
}
