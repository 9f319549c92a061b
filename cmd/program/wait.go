package program

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
	"github.com/autorollback/autorollback/runbook"
)

// What a pipeline can wait for.
const (
	forStep       = "step"
	forProved     = "proved"
	forPaused     = "paused"
	forRolledBack = "rolled-back"
)

// wait is release wait.
type wait struct {
	target
	goal           string
	timeout, every time.Duration
}

func releaseWait(parent *kingpin.CmdClause, c cli.Console) (string, cli.Action) {
	cmd := parent.Command("wait", "Wait in a pipeline until a release has come to a point. Exit code 0: it has; 3: the release ended otherwise; 5: timeout, and it may still come. Example: autorollback release wait ranker --for=proved --timeout=26h")
	w := wait{target: aim(cmd)}
	cmd.Flag("for", "step: the candidate gets a larger share than now; proved: the release is closed, and the candidate is the last known good; paused: the ramp is stopped, frozen or held, or automation is paused; rolled-back.").
		Required().EnumVar(&w.goal, forStep, forProved, forPaused, forRolledBack)
	timeout := cmd.Flag("timeout", "How long to wait at most, e.g. 90m or 2d.").Default("1h").String()
	cmd.Flag("every", "How often to ask the daemon.").Default("2s").DurationVar(&w.every)
	return cmd.FullCommand(), func(ctx context.Context) error {
		d, err := runbook.ParseDuration(*timeout)
		if err != nil || d <= 0 || w.every <= 0 {
			return cli.Usage(errors.New("--timeout and --every are times above 0, e.g. 90m and 2s"))
		}
		w.timeout = d.Std()
		client, err := w.remote.Client()
		if err != nil {
			return err
		}
		return w.run(ctx, c, client)
	}
}

// waited is what release wait prints as JSON.
type waited struct {
	For     string         `json:"for"`
	Met     bool           `json:"met"`
	Why     string         `json:"why"`
	Release record.Release `json:"release"` // as it was last seen
}

// run asks until the release is there, cannot come there any more, or the time is over.
func (w wait) run(ctx context.Context, c cli.Console, client api.Client) error {
	ctx, stop := context.WithTimeoutCause(ctx, w.timeout, errOver)
	defer stop()
	first, err := client.Release(ctx, *w.service, *w.region)
	switch {
	case errors.Is(context.Cause(ctx), errOver): // before the first answer
		return w.late(ctx, c, waited{For: w.goal})
	case err != nil:
		return err
	}
	at := waited{For: w.goal, Release: first}
	for said := ""; ; {
		control, err := w.look(ctx, client, &at)
		over := false
		if err == nil {
			at.Met, over, at.Why = comes(w.goal, first, at.Release, control, time.Now())
		}
		if at.Met || over {
			return w.end(c, at, over)
		}
		if cli.Final(err) {
			return err
		}
		said = w.progress(c, said, at.Release, err)
		select {
		case <-ctx.Done():
			return w.late(ctx, c, at)
		case <-time.After(w.every):
		}
	}
}

var errOver = errors.New("the time is over")

// look reads the release, and the stop switch if that counts.
func (w wait) look(ctx context.Context, client api.Client, at *waited) (record.Control, error) {
	rel, err := client.Release(ctx, *w.service, *w.region)
	if err != nil {
		return record.Control{}, err
	}
	at.Release = rel
	if w.goal != forPaused {
		return record.Control{}, nil
	}
	return client.Control(ctx)
}

// progress says on standard error what is new.
func (w wait) progress(c cli.Console, said string, rel record.Release, err error) string {
	line := stands(rel)
	if why := halted(rel); why != "" {
		line += "; " + why
	}
	if err != nil {
		line = err.Error()
	}
	if line != said {
		fmt.Fprintf(c.Err, "%s %s\n", time.Now().Format(time.TimeOnly), line)
	}
	return line
}

// end prints what came.
func (w wait) end(c cli.Console, at waited, over bool) error {
	if err := w.print(c, at); err != nil {
		return err
	}
	if over {
		return cli.Wanting(missed[w.goal] + ": " + at.Why)
	}
	return nil
}

// late: the time is over, or somebody stopped us.
func (w wait) late(ctx context.Context, c cli.Console, at waited) error {
	if !errors.Is(context.Cause(ctx), errOver) {
		return context.Cause(ctx)
	}
	at.Why = fmt.Sprintf("%s within %s", missed[w.goal], runbook.Duration(w.timeout))
	if err := w.print(c, at); err != nil {
		return err
	}
	return cli.Unclear(at.Why + "; it may still come")
}

func (w wait) print(c cli.Console, at waited) error {
	return w.output.Line(c.Out, at, "%s: %s", cmp.Or(at.Release.ID, *w.service), at.Why)
}
