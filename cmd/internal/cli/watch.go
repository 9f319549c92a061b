package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/api"
	"github.com/autorollback/autorollback/runbook"
)

// A Watch is the flags --watch and --every: a command that shows something stays, and shows it again.
type Watch struct {
	on    bool
	every time.Duration
}

// WatchFlags declares --watch and --every.
func WatchFlags(cmd *kingpin.CmdClause) *Watch {
	w := everyFlag(cmd)
	cmd.Flag("watch", "Show changes until Ctrl-C.").Short('w').BoolVar(&w.on)
	return w
}

// WatchAlways is for a command that always stays.
func WatchAlways(cmd *kingpin.CmdClause) *Watch {
	w := everyFlag(cmd)
	w.on = true
	return w
}

func everyFlag(cmd *kingpin.CmdClause) *Watch {
	var w Watch
	cmd.Flag("every", "How often to ask the daemon.").Default("2s").DurationVar(&w.every)
	return &w
}

// Run shows once, or until the context ends, which is no error. A terminal shows the newest picture; elsewhere
// each that differs from the one before is printed below it. A daemon that does not answer ends nothing.
func (w *Watch) Run(ctx context.Context, c Console, show func(context.Context, Console) error) error {
	if !w.on {
		return show(ctx, c)
	}
	if w.every <= 0 {
		return Usage(errors.New("--every is a time above 0, e.g. 2s"))
	}
	v := display{console: c}
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		var picture bytes.Buffer
		there := c
		there.Out = &picture
		err := show(ctx, there)
		switch {
		case ctx.Err() != nil:
			return nil
		case Final(err):
			return err
		}
		if err := v.put(picture.Bytes(), err); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Final reports whether asking again cannot help: an answer that says no is final, and a wrong command line; a
// daemon that restarts is not.
func Final(err error) bool {
	var wrong usage
	var answer *api.Error
	return errors.As(err, &wrong) || errors.Is(err, runbook.ErrNotFound) || errors.As(err, &answer) && answer.Code < 500 && !errors.Is(err, runbook.ErrLater)
}

// A display is what somebody looks at.
type display struct {
	console Console
	last    []byte // the newest picture
	problem string // said last
}

// put shows a picture, or why there is none.
func (v *display) put(picture []byte, problem error) error {
	said := ""
	if problem != nil {
		said, picture = problem.Error(), v.last
	}
	changed := !bytes.Equal(picture, v.last)
	if s, ok := v.console.Out.(*screen); ok && Terminal(s) {
		return v.draw(s, picture, said)
	}
	if said != "" && said != v.problem {
		fmt.Fprintf(v.console.Err, "%s %s\n", time.Now().Format(time.TimeOnly), said)
	}
	first := v.last == nil
	v.problem, v.last = said, picture
	if !changed {
		return nil
	}
	if !first {
		fmt.Fprintln(v.console.Out)
	}
	_, err := v.console.Out.Write(picture)
	return err
}

// draw is a picture with the time, and what is wrong, below it.
func (v *display) draw(s *screen, picture []byte, said string) error {
	v.last = picture
	below := time.Now().Format(time.TimeOnly) + "  Ctrl-C ends"
	if said != "" {
		below = time.Now().Format(time.TimeOnly) + "  " + v.console.State("lost") + ": " + said
		if len(picture) > 0 {
			below += "; the last answer is shown above"
		}
	}
	return s.redraw(append(bytes.Clone(picture), "\n"+below+"\n"...))
}
