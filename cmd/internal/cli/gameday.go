package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/gameday"
	"github.com/autorollback/autorollback/runbook"
)

// A Player plays scenarios in one kind of environment.
type Player interface {
	// Refuses says which part of a scenario cannot be played there.
	Refuses(s gameday.Scenario) error
	// Play plays a scenario; say hears what happens, and is no place for results.
	Play(ctx context.Context, c Console, s gameday.Scenario, say func(string, ...any)) (gameday.Score, error)
}

// GamedayCommands are gameday list, show, run and rules; flags declares the player's own.
func GamedayCommands(app *kingpin.Application, c Console, flags func(run *kingpin.CmdClause) Player) map[string]Action {
	cmd := app.Command("gameday", "Scored drills: break something on purpose, and measure what the daemon does about it.")
	list := cmd.Command("list", "List the scenarios, and where each is played: in the embedded world of autorollback-lab, or only in staging, with calls of your own. Example: autorollback gameday list")
	listOut := OutputFlag(list)
	show := cmd.Command("show", "Print a scenario's file, to start your own from. Example: autorollback gameday show errors > errors.yaml")
	name := show.Arg("name", "The scenario.").Required().String()
	play := declarePlay(cmd, flags)
	rules := cmd.Command("rules", "Print a Prometheus rule file that alerts when the last success of a scheduled scenario is too old. Example: autorollback gameday rules --max-age 8d > gameday.rules.yml")
	age := rules.Flag("max-age", "The longest time since a scenario was last passed, e.g. 8d.").Default("8d").String()
	return map[string]Action{
		list.FullCommand(): func(context.Context) error { return listScenarios(c, listOut) },
		show.FullCommand(): func(context.Context) error {
			text, err := gameday.ScenarioText(*name)
			if err != nil {
				return err
			}
			_, err = c.Out.Write(text)
			return err
		},
		rules.FullCommand(): func(context.Context) error {
			d, err := runbook.ParseDuration(*age)
			if err != nil {
				return Usage(fmt.Errorf("--max-age: %w", err))
			}
			_, err = c.Out.Write(gameday.AgeRules(d.Std()))
			return err
		},
		play.command: func(ctx context.Context) error { return play.run(ctx, c) },
	}
}

func listScenarios(c Console, out *Output) error {
	all, err := gameday.Scenarios()
	if err != nil {
		return err
	}
	listed := []listedScenario{}
	var rows [][]string
	for _, s := range all {
		l := listedScenario{s, "lab"}
		if s.Embeddable() != nil {
			l.Played = "staging"
		}
		listed = append(listed, l)
		rows = append(rows, []string{s.Name, l.Played, string(s.Expect.Action), s.Says})
	}
	return out.Print(c.Out, listed, func() error { return c.Table("SCENARIO PLAYED EXPECTED SAYS", rows) })
}

// listedScenario is a scenario with where it can be played: in the embedded world of the lab, or
// only in staging.
type listedScenario struct {
	gameday.Scenario
	Played string `json:"played"`
}

// play is gameday run.
type play struct {
	command   string
	scenarios []string
	reports   string
	out       *Output

	schedule, timezone, metrics, listen string
	player                              Player
}

func declarePlay(parent *kingpin.CmdClause, flags func(*kingpin.CmdClause) Player) *play {
	var p play
	cmd := parent.Command("run", "Play scenarios, one after the other, and score them. Exit code 3 if one is not passed, 4 if one cannot be played there. Example: autorollback-lab gameday run errors latency --reports reports/")
	cmd.Arg("scenario", "Files, or names of `gameday list`.").Required().StringsVar(&p.scenarios)
	cmd.Flag("reports", "Write a report with a picture into this folder: NAME.md and NAME.html.").StringVar(&p.reports)
	p.out = OutputFlag(cmd)
	p.player = flags(cmd)
	cmd.Flag("schedule", "Play at the times of this calendar (five cron fields) until stopped, e.g. '0 4 * * 1'.").StringVar(&p.schedule)
	cmd.Flag("timezone", "With --schedule: the time zone that the calendar is read in, e.g. Europe/Berlin.").Default("Local").StringVar(&p.timezone)
	cmd.Flag("metrics-file", "With --schedule: write when each scenario was last passed, for node_exporter's textfile collector.").StringVar(&p.metrics)
	cmd.Flag("web.listen-address", "With --schedule: serve the same on /metrics.").StringVar(&p.listen)
	p.command = cmd.FullCommand()
	return &p
}

// run plays each scenario.
func (p *play) run(ctx context.Context, c Console) error {
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
	err = p.out.Print(c.Out, scores, func() error { return nil }) // each was printed when it was known
	return Join(err, Found(failed, "scenario", "scenarios"))
}

// scheduled plays them at their times.
func (p *play) scheduled(ctx context.Context, c Console, scenarios []gameday.Scenario) error {
	for _, s := range scenarios {
		if err := p.player.Refuses(s); err != nil {
			return err // now rather than at four in the morning
		}
	}
	one := func(ctx context.Context, s gameday.Scenario) (gameday.Score, error) {
		score, err := p.one(ctx, c, s)
		return score, Join(err, p.write(c, score))
	}
	say := func(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }
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
		return nil, Wanting(err.Error())
	}
	return all, nil
}

// one plays a scenario.
func (p *play) one(ctx context.Context, c Console, s gameday.Scenario) (gameday.Score, error) {
	if err := p.player.Refuses(s); err != nil {
		return gameday.Score{}, err
	}
	if !p.out.Text() {
		c.Out = io.Discard
	}
	say := func(format string, args ...any) { fmt.Fprintf(c.Out, format+"\n", args...) }
	return p.player.Play(ctx, c, s, say)
}

// write prints a score, and writes its reports.
func (p *play) write(c Console, s gameday.Score) error {
	if p.out.Text() && len(s.Checks) > 0 {
		if err := s.WriteText(c.Out); err != nil {
			return err
		}
	}
	if p.reports == "" || len(s.Checks) == 0 {
		return nil
	}
	for ext, text := range map[string][]byte{".md": s.Markdown(), ".html": s.HTML()} {
		if err := WriteFile(filepath.Join(p.reports, s.Scenario.Name+ext), text); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
	}
	return nil
}
