package samples

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/autorollback/autorollback/outbound"
)

// endWithin is how long a command that is ended may take to let go of what it prints to.
const endWithin = 2 * time.Second

// run runs a program without a shell, with nothing on its standard input and nothing of the daemon's
// environment but PATH, and reads what it prints. It is ended with what it started when its time is over, or when it
// prints too much.
func (a Asker) run(ctx context.Context, q Ask, side filled, take func(part) error) error {
	if !a.Commands {
		return fmt.Errorf("run %s: the daemon does not allow commands: --evidence.allow-commands", q.Source.Name)
	}
	args, err := side.arguments(q.Source.Command)
	if err != nil {
		return fmt.Errorf("run %s: %w", q.Source.Name, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = []string{"PATH=" + os.Getenv("PATH")}, os.TempDir(), endWithin
	ownGroup(cmd)
	out, said := &capped{most: mostRead, over: cancel}, &capped{most: 4 << 10}
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil && !out.full {
		if ctx.Err() != nil {
			err = errors.New("it did not end in time")
		}
		return fmt.Errorf("run %s: %w: %s", q.Source.Name, err, outbound.Excerpt(said.text.String()))
	}
	p := part{name: q.Source.Name, version: side.version, in: io.NopCloser(&out.text)}
	if out.full {
		p.less = fmt.Sprintf("the first %d MiB that it printed were read", mostRead>>20)
	}
	return take(p)
}

// arguments fills in what stands in braces. A value that begins with a dash would be an option where
// it stands alone, and is refused.
func (f filled) arguments(all []string) ([]string, error) {
	out := []string{all[0]}
	for _, arg := range all[1:] {
		value := f.fill(arg, func(value string) string { return value })
		if strings.HasPrefix(arg, "{") && strings.HasPrefix(value, "-") {
			return nil, fmt.Errorf("%q begins with a dash", outbound.Excerpt(value))
		}
		out = append(out, value)
	}
	return out, nil
}

// capped keeps the beginning of what is written. It has no other way to write to it, such as ReadFrom.
type capped struct {
	text bytes.Buffer
	most int
	over func() // is called once there is more
	full bool
}

func (c *capped) Write(p []byte) (int, error) {
	n := min(len(p), c.most-c.text.Len())
	c.text.Write(p[:n])
	if n < len(p) && !c.full {
		c.full = true
		if c.over != nil {
			c.over()
		}
	}
	return len(p), nil
}
