package program

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/plan"
	"github.com/autorollback/autorollback/runbook"
	templates "github.com/autorollback/autorollback/runbook-templates"
)

// runbookCommands are runbook new, check and render. They need no daemon.
func runbookCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("runbook", "Write, check and print runbooks.")
	neu := cmd.Command("new", "Start a runbook from a template. Example: autorollback runbook new canary --service ranker > runbooks/ranker.yaml")
	kind := neu.Arg("template", "canary (1, 5, 25, 50, 100 %), canary-from-5, bluegreen or shadow.").Required().Enum(templates.Kinds()...)
	service := neu.Flag("service", "The model service's name.").Required().String()
	output := neu.Flag("output", "Write to this file, which must not exist yet, instead of standard output.").Short('O').String()

	check := cmd.Command("check", "Check runbooks strictly, and report the five readiness checks. Exits 3 if any fails. Example: autorollback runbook check runbooks/")
	checkPaths := check.Arg("path", "Files or folders.").Required().Strings()
	checkPlan := declarePlan(check, "traffic")
	checkFormat := cli.Format(check)

	render := cmd.Command("render", "Print the one page that a human follows, as Markdown. Example: autorollback runbook render runbooks/ranker.yaml")
	renderPath := render.Arg("file", "The runbook.").Required().String()

	return map[string]cli.Action{
		neu.FullCommand(): func(context.Context) error {
			text, err := templates.New(*kind, *service)
			if err != nil {
				return err
			}
			return writeNew(c.Out, *output, text)
		},
		check.FullCommand(): func(ctx context.Context) error { return checkRunbooks(ctx, c, *checkPaths, checkPlan, *checkFormat) },
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

// checked is one runbook's line of `runbook check -o json`.
type checked struct {
	Service string              `json:"service"`
	File    string              `json:"file"`
	Checks  []runbook.SelfCheck `json:"checks"`
	Plan    *plan.Plan          `json:"plan,omitempty"`
}

func checkRunbooks(ctx context.Context, c cli.Console, paths []string, plan *planFlags, format string) error {
	runbooks, err := runbook.LoadAll(paths...)
	if err != nil {
		return cli.Wanting(err.Error())
	}
	var all []checked
	missing := 0
	for _, rb := range runbooks {
		one := checked{rb.Service, rb.File, rb.SelfChecks(), nil}
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
	if format == "json" {
		return cli.Join(cli.PrintJSON(c.Out, all), foundMissing(missing, plan))
	}
	for _, one := range all {
		fmt.Fprintf(c.Out, "%s: %s reads well\n", one.File, one.Service)
		for _, s := range one.Checks {
			box, fix := "x", ""
			if !s.OK {
				box, fix = " ", "; "+s.Fix
			}
			fmt.Fprintf(c.Out, "  [%s] %s: %s%s\n", box, s.Name, s.Why, fix)
		}
		if one.Plan != nil {
			fmt.Fprintln(c.Out)
			if err := one.Plan.WriteText(c.Out); err != nil {
				return err
			}
		}
	}
	return foundMissing(missing, plan)
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
	f, err := os.OpenFile(filepath.Clean(path), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = f.Write(text)
	return cli.Join(err, f.Close())
}
