package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// gamedayCommands are gameday list, show and run.
func gamedayCommands(app *kingpin.Application, c console) map[string]action {
	cmd := app.Command("gameday", "Scored drills: something is broken on purpose, and what the daemon does about it is measured.")
	list := cmd.Command("list", "The scenarios, and where each is played: here, in the embedded world, or only in staging, with calls of your own.")
	listOutput := format(list)
	show := cmd.Command("show", "Print a scenario's file, to begin one of your own. Example: autorollback gameday show errors > errors.yaml")
	name := show.Arg("name", "The scenario.").Required().String()
	play := declarePlay(cmd)
	rules := cmd.Command("rules", "Print a Prometheus rule file that alerts when the last success of a scheduled scenario is too old. Example: autorollback gameday rules --max-age 8d > gameday.rules.yml")
	age := rules.Flag("max-age", "The longest time since a scenario was last passed, e.g. 8d.").Default("8d").String()
	return map[string]action{
		list.FullCommand(): func(context.Context) error { return listScenarios(c, *listOutput) },
		show.FullCommand(): func(context.Context) error {
			text, err := gameday.ScenarioText(*name)
			if err != nil {
				return err
			}
			_, err = c.out.Write(text)
			return err
		},
		rules.FullCommand(): func(context.Context) error {
			d, err := runbook.ParseDuration(*age)
			if err != nil {
				return usage{fmt.Errorf("--max-age: %w", err)}
			}
			_, err = c.out.Write(gameday.AgeRules(d.Std()))
			return err
		},
		play.command: func(ctx context.Context) error { return play.run(ctx, c) },
	}
}

func listScenarios(c console, output string) error {
	all, err := gameday.Scenarios()
	if err != nil {
		return err
	}
	listed := []listedScenario{}
	var rows [][]string
	for _, s := range all {
		l := listedScenario{s, "here"}
		if new(gameday.Embedded).Refuses(s) != nil {
			l.Played = "staging"
		}
		listed = append(listed, l)
		rows = append(rows, []string{s.Name, l.Played, string(s.Expect.Action), s.Says})
	}
	if output == "json" {
		return printJSON(c.out, listed)
	}
	return table(c.out, "SCENARIO PLAYED EXPECTED SAYS", rows)
}

// listedScenario is a scenario with where it can be played: here, in the embedded world, or only in
// staging.
type listedScenario struct {
	gameday.Scenario
	Played string `json:"played"`
}

// play is gameday run.
type play struct {
	command   string
	scenarios []string
	reports   string
	dir       string
	verbose   bool
	busy      bool
	without   *string
	output    string

	schedule, timezone, metrics, listen string
	staging                             *staging
}

func declarePlay(parent *kingpin.CmdClause) *play {
	var p play
	cmd := parent.Command("run", "Play scenarios, one after the other, and score them. Exit code 3 if one is not passed, 4 if one cannot be played here. Example: autorollback gameday run errors latency --reports reports/")
	cmd.Arg("scenario", "Files, or names of `gameday list`.").Required().StringsVar(&p.scenarios)
	cmd.Flag("reports", "Write a report with a picture into this folder: NAME.md and NAME.html.").StringVar(&p.reports)
	cmd.Flag("dir", "Folder for the world's data and evidence; default: a new temporary one, deleted if the scenario is passed.").StringVar(&p.dir)
	cmd.Flag("verbose", "Also show the daemon's log.").Short('v').BoolVar(&p.verbose)
	busyFlag(cmd).BoolVar(&p.busy)
	p.without = withoutFlag(cmd)
	cmd.Flag("output", "text or json.").Short('o').Default("text").EnumVar(&p.output, "text", "json")
	p.staging = stagingFlags(cmd)
	cmd.Flag("schedule", "Do not play now but at the times of this calendar (five cron fields), until stopped, e.g. '0 4 * * 1'.").StringVar(&p.schedule)
	cmd.Flag("timezone", "With --schedule: the time zone that the calendar is read in, e.g. Europe/Berlin.").Default("Local").StringVar(&p.timezone)
	cmd.Flag("metrics-file", "With --schedule: write when each scenario was last passed, for node_exporter's textfile collector.").StringVar(&p.metrics)
	cmd.Flag("web.listen-address", "With --schedule: serve the same on /metrics.").StringVar(&p.listen)
	p.command = cmd.FullCommand()
	return &p
}

// run plays each scenario.
func (p *play) run(ctx context.Context, c console) error {
	scenarios, err := loadScenarios(p.scenarios)
	if err != nil {
		return err
	}
	if p.schedule != "" {
		return p.scheduled(ctx, c, scenarios)
	}
	var scores []gameday.Score
	failed := 0
	for _, s := range scenarios {
		score, err := p.one(ctx, c, s)
		if err != nil {
			return err
		}
		if !score.OK {
			failed++
		}
		scores = append(scores, score)
		if err := p.write(c, score); err != nil {
			return err
		}
	}
	if p.output == "json" {
		err = printJSON(c.out, scores)
	}
	return join(err, found(failed, "scenario", "scenarios"))
}

// scheduled plays them at their times.
func (p *play) scheduled(ctx context.Context, c console, scenarios []gameday.Scenario) error {
	for _, s := range scenarios {
		if err := p.refuses(s); err != nil {
			return err // now rather than at four in the morning
		}
	}
	one := func(ctx context.Context, s gameday.Scenario) (gameday.Score, error) {
		score, err := p.one(ctx, c, s)
		return score, join(err, p.write(c, score))
	}
	say := func(format string, args ...any) { fmt.Fprintf(c.out, format+"\n", args...) }
	return schedule{cron: p.schedule, timezone: p.timezone, metrics: p.metrics, listen: p.listen, play: one, say: say}.run(ctx, scenarios)
}

// loadScenarios reads all of them before anything is broken.
func loadScenarios(names []string) ([]gameday.Scenario, error) {
	var all []gameday.Scenario
	var errs []error
	for _, name := range names {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, `/\.`) {
			text, err = gameday.ScenarioText(name)
			name += ".yaml"
		}
		if err == nil {
			var s gameday.Scenario
			s, err = gameday.ParseScenario(name, text)
			all = append(all, s)
		}
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, wanting(err.Error())
	}
	return all, nil
}

// one plays a scenario in a world of its own.
func (p *play) one(ctx context.Context, c console, s gameday.Scenario) (gameday.Score, error) {
	if err := p.refuses(s); err != nil {
		return gameday.Score{}, err
	}
	if p.staging.asked() {
		return p.staging.play(ctx, c, s, p.output == "json")
	}
	dir, temporary, err := p.folder(s)
	if err != nil {
		return gameday.Score{}, err
	}
	said := c.out
	if p.output == "json" {
		said = io.Discard
	}
	say := func(format string, args ...any) { fmt.Fprintf(said, format+"\n", args...) }
	say("%s: %s", s.Name, s.Says)
	var score gameday.Score
	d, err := newDemo(console{c.in, said, c.err}, dir, tale{title: s.Says, drill: true, busy: p.busy, without: *p.without, tell: func(d *demo, ctx context.Context) error {
		game, err := gameday.Play(ctx, s, d.stage(), say)
		score = gameday.ScoreOf(game)
		return err
	}}, p.verbose)
	if err == nil {
		err = d.run(ctx)
	}
	if err == nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	switch {
	case err == nil && score.OK && temporary:
		err = os.RemoveAll(dir)
	case err == nil:
		say("data and evidence: %s", dir)
	}
	return score, err
}

// refuses asks the stage that the flags name.
func (p *play) refuses(s gameday.Scenario) error {
	if p.staging.asked() && *p.without != "" {
		return usage{errors.New("--without is for the embedded world; the daemon of a staging environment has its own ways to hear")}
	}
	if p.staging.asked() {
		return new(gameday.Staging).Refuses(s)
	}
	return new(gameday.Embedded).Refuses(s)
}

func (p *play) folder(s gameday.Scenario) (dir string, temporary bool, err error) {
	if p.dir == "" {
		dir, err = os.MkdirTemp("", "autorollback-gameday-")
		return dir, true, err
	}
	dir = filepath.Join(p.dir, fmt.Sprintf("%s-%s", s.Name, time.Now().UTC().Format("20060102-150405")))
	return dir, false, os.MkdirAll(dir, 0o755)
}

// write prints a score, and writes its reports.
func (p *play) write(c console, s gameday.Score) error {
	if p.output != "json" && len(s.Checks) > 0 {
		if err := s.WriteText(c.out); err != nil {
			return err
		}
	}
	if p.reports == "" || len(s.Checks) == 0 {
		return nil
	}
	if err := os.MkdirAll(p.reports, 0o755); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	for ext, text := range map[string][]byte{".md": s.Markdown(), ".html": s.HTML()} {
		if err := os.WriteFile(filepath.Join(p.reports, s.Scenario.Name+ext), text, 0o644); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}
