package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/cmd/program"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

const shadowRollout = `
shadow: {required: true, max_age: 1d}
`

// shadowPlan says how the day's answers are compared: a score may differ by its noise.
const shadowPlan = `# how answers are compared, and what must hold
fields: [{path: score, absolute: 0.05}]
scores: [{path: score}]
limits: {segment_samples: 5, drift_samples: 200, latency: 200%}
require: {samples: 400, segments: {country: [DE, FR]}, segment_samples: 100, hours: [all], hour_samples: 10, cell_samples: 3}
`

const (
	shadowDay  = 24 * time.Second // the day takes so long: an hour is a second
	shadowRate = 250              // questions a second of the real time
)

// mirrored is how long requests are mirrored: the day, and more for a slow machine.
func (t scenario) mirrored() time.Duration {
	if t.busy {
		return 100 * time.Second
	}
	return 36 * time.Second
}

// tellShadow is a candidate that is compared before any user sees it: mirrored for a
// day, blocked for one country's night, and let in once it is fixed.
func (d *show) tellShadow(ctx context.Context) error {
	t := d.newNarrator()
	if err := d.shadowFiles(); err != nil {
		return err
	}
	if err := t.command(ctx, cli.ExitRefused, "release", "start", "-f", "release.yaml"); err != nil {
		return err
	}
	if err := d.shadowLogs(); err != nil {
		return err
	}
	if err := t.command(ctx, cli.ExitOK, "shadow", "start", "--service", "ranker", "--backend", "ranker-v2", "--percent", "10", "--for", d.scenario.mirrored().String()); err != nil {
		return err
	}
	if err := t.day(ctx); err != nil {
		return err
	}
	judge := []string{"--plan", "compare.yaml", "--record", "--release"}
	join := append([]string{"shadow", "join", "--stable-log", "stable.jsonl", "--candidate-log", "candidate.jsonl", "--html", "report.html"}, judge...)
	if err := t.command(ctx, cli.ExitWanting, append(join, "release.yaml")...); err != nil {
		return err
	}
	if err := t.command(ctx, cli.ExitRefused, "release", "start", "-f", "release.yaml"); err != nil {
		return err
	}
	t.printEvent("v3 is v2 with the night fixed. It gets what the users asked v1, again")
	replay := append([]string{"shadow", "replay", "stable.jsonl", "--allow", "POST /predict", "--sample", "10%", "--rate", "0", "--parallel", "16",
		"--candidate", d.world.Router.Address("ranker-v3"), "--stable", d.world.Router.Address("ranker-v1"), "--pairs", "pairs.jsonl", "--html", "fixed.html"}, judge...)
	if err := t.command(ctx, cli.ExitOK, append(replay, "fixed.yaml")...); err != nil {
		return err
	}
	if err := t.command(ctx, cli.ExitOK, "release", "start", "-f", "fixed.yaml"); err != nil {
		return err
	}
	if err := t.command(ctx, cli.ExitOK, "shadow", "status", "ranker"); err != nil {
		return err
	}
	t.say("\nthe router now follows %v\nreport: %s\nafter it was fixed: %s", d.world.Router.Split(), filepath.Join(d.dir, "report.html"), filepath.Join(d.dir, "fixed.html"))
	return nil
}

// shadowFiles lays out the plan, and the release of the fixed candidate.
func (d *show) shadowFiles() error {
	fixed, err := launch(func(l *runbook.Launch) {
		stable := l.Stable
		afterNext(l)
		l.Stable = stable
	})
	if err != nil {
		return err
	}
	for name, text := range map[string][]byte{"compare.yaml": []byte(shadowPlan), "fixed.yaml": fixed} {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
			return fmt.Errorf("write demo files: %w", err)
		}
	}
	return nil
}

// shadowLogs has the versions answer questions, and v1 and v2 log them.
func (d *show) shadowLogs() error {
	quick := demo.Behaviour{Latency: 5 * time.Millisecond, Conversion: 0.3}
	v1, v2, v3 := &demo.Scorer{Score: demo.Rank}, &demo.Scorer{Score: demo.RankNight}, &demo.Scorer{Score: demo.Rank}
	for version, scorer := range map[*demo.Version]*demo.Scorer{d.world.Stable: v1, d.world.Candidate: v2, d.next: v3} {
		version.Behave(quick)
		version.Score(scorer)
	}
	return errors.Join(v1.Log(filepath.Join(d.dir, "stable.jsonl")), v2.Log(filepath.Join(d.dir, "candidate.jsonl")))
}

// day lets the users' day pass while requests are mirrored, until the daemon has ended it.
func (t *narrator) day(ctx context.Context) error {
	if err := t.until(ctx, "the router to mirror", time.Minute, func() bool { return t.world.Router.Mirrored("ranker-v2") == 10 }); err != nil {
		return err
	}
	before, _ := t.world.Traffic.Counts()
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	users := &demo.Workload{URL: "http://" + t.world.Router.Addr() + "/predict", Rate: shadowRate, Whole: shadowDay, From: midnight}
	t.printEvent("a day of users in Germany and France; an hour takes a second. v2 errs in the German night, from 22 to 5")
	if err := users.Run(ctx); err != nil {
		return err
	}
	var m record.Mirror
	err := t.until(ctx, "the mirror's end", t.scenario.mirrored()+time.Minute, func() bool {
		st, err := t.client.Status(ctx)
		for _, one := range st.Mirrors {
			m = one
		}
		return err == nil && m.Schema != 0 && !m.On() && t.world.Router.Mirrored("ranker-v2") == 0
	})
	if err != nil {
		return err
	}
	sent, lost := users.Counts()
	after, _ := t.world.Traffic.Counts()
	sent += after - before // those who ask without a question
	copies := t.world.Router.Copies()
	t.line(m.EndedAt.Sub(t.began), "mirror", fmt.Sprintf("%s: nothing is mirrored to %s any more: %s", m.Service, m.Backend, m.Ended))
	t.printEvent(fmt.Sprintf("%d requests, %d without an answer; %d were copied to v2, whose answers nobody got", sent, lost, copies))
	if share := float64(copies) / float64(max(sent, 1)); share < 0.08 || share > 0.105 {
		return fmt.Errorf("demo: %.1f %% were copied", 100*share)
	}
	if split := t.world.Router.Split(); !split.Equal(record.Split{"ranker-v1": 100}) {
		return fmt.Errorf("demo: users were served by %v", split)
	}
	return errors.Join(t.world.Stable.Scorer().Close(), t.world.Candidate.Scorer().Close())
}

// command runs one of our own commands as a person does, and shows it. It must end with
// that code.
func (t *narrator) command(ctx context.Context, code int, args ...string) error {
	t.say("\n$ autorollback %s", quoted(args))
	whole := append([]string(nil), args...)
	for n, a := range whole {
		if strings.HasSuffix(a, ".yaml") || strings.HasSuffix(a, ".jsonl") || strings.HasSuffix(a, ".html") {
			whole[n] = filepath.Join(t.dir, a)
		}
	}
	err := program.New(version).Run(ctx, append(whole, "--url", t.client.URL), strings.NewReader(""), t.console.Out, t.console.Out)
	if err != nil {
		t.say("autorollback: %v", err)
	}
	if got := cli.ExitCode(err); got != code {
		return fmt.Errorf("demo: it ended with the code %d, want %d", got, code)
	}
	t.say("(exit code %d)", code)
	return nil
}

func quoted(args []string) string {
	words := append([]string(nil), args...)
	for n, w := range words {
		if strings.Contains(w, " ") {
			words[n] = "'" + w + "'"
		}
	}
	return strings.Join(words, " ")
}
