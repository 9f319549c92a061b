package authoring

import (
	"context"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/daemon"
	"github.com/autorollback/autorollback/rules"
	"github.com/autorollback/autorollback/runbook"
	"github.com/autorollback/autorollback/verify"
)

// RulesCommands are rules generate, verify, plan and test. They need no daemon.
func RulesCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("rules", "Prometheus rules and the Alertmanager route, from runbooks.")
	var verWhere regionFlags
	ver := cmd.Command("verify", "Prove the one-to-one map of triggers and alerts against rule files and/or a live Prometheus. Exit code 3 on a difference. Example: autorollback rules verify runbooks/ --rules-file autorollback.rules.yml --prometheus.url http://localhost:9090")
	verPaths := ver.Arg("path", "Runbook files or folders.").Required().Strings()
	verFiles := ver.Flag("rules-file", "A rule file to compare with; may be repeated.").Strings()
	verURL := ver.Flag("prometheus.url", "A live Prometheus to compare with.").String()
	var verConfig string
	cli.HTTPConfigFlag(ver, &verConfig)
	verWhere.declare(ver)
	verOutput := cli.OutputFlag(ver)

	actions := map[string]cli.Action{
		ver.FullCommand(): func(ctx context.Context) error {
			return verifyRules(ctx, c, verWhere, *verPaths, *verFiles, *verURL, verConfig, verOutput)
		},
	}
	maps.Copy(actions, generateCommand(cmd, c))
	maps.Copy(actions, planCommand(cmd, c))
	maps.Copy(actions, testCommand(cmd, c))
	return actions
}

func compile(where regionFlags, paths []string) ([]rules.Group, error) {
	runbooks, err := where.load(paths)
	if err != nil {
		return nil, err
	}
	return rules.CompileAll(runbooks)
}

func compileOne(rb *runbook.Runbook) (rules.Group, error) {
	g, err := rules.Compile(rb)
	if err != nil {
		return g, fmt.Errorf("compile %s: %w", rb.File, err)
	}
	return g, nil
}

func summary(groups []rules.Group, file string) string {
	alerts, records := 0, 0
	for _, g := range groups {
		for _, r := range g.Rules {
			if r.Alert != "" {
				alerts++
			} else {
				records++
			}
		}
	}
	return fmt.Sprintf("%s: %d alerts and %d recording rules, and the watchdog", file, alerts, records)
}

func verifyRules(ctx context.Context, c cli.Console, where regionFlags, paths, files []string, url, httpConfig string, out *cli.Output) error {
	if len(files) == 0 && url == "" {
		return cli.Usage(fmt.Errorf("name --rules-file or --prometheus.url to compare with"))
	}
	want, err := compile(where, paths)
	if err != nil {
		return err
	}
	drifts := []rules.Drift{}
	if len(files) > 0 {
		var texts [][]byte
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				return fmt.Errorf("read rules: %w", err)
			}
			texts = append(texts, text)
		}
		drifts = append(drifts, rules.Verify(want, texts)...)
	}
	if url != "" {
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		live, err := verifyLive(ctx, where, paths, url, httpConfig)
		if err != nil {
			return err
		}
		drifts = append(drifts, live...)
	}
	err = out.Print(c.Out, drifts, func() error {
		for _, d := range drifts {
			fmt.Fprintln(c.Out, d)
		}
		if len(drifts) == 0 {
			fmt.Fprintln(c.Out, summary(want, "one to one"))
		}
		return nil
	})
	return cli.Join(err, cli.Found(len(drifts), "difference", "differences"))
}

// verifyLive compares the rules, and how often pods are scraped, with a Prometheus.
func verifyLive(ctx context.Context, where regionFlags, paths []string, url, httpConfig string) ([]rules.Drift, error) {
	runbooks, err := where.load(paths)
	if err != nil {
		return nil, err
	}
	prom, err := daemon.OpenPrometheus("--prometheus.url", url, httpConfig)
	if err != nil {
		return nil, err
	}
	drifts, err := verify.New(prom, 0).Rules(ctx, runbooks)
	return drifts, noPrometheus("--prometheus.url", url, err)
}
