package shadows

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/shadow/replay"
)

// showProgress draws a bar on a terminal, and writes a line each five seconds
// elsewhere, until the returned function is called.
func showProgress(w io.Writer, p *replay.Progress) (stop func()) {
	every, draw := 5*time.Second, func(line string) { fmt.Fprintln(w, line) }
	terminal := cli.Terminal(w)
	if terminal {
		every, draw = 200*time.Millisecond, func(line string) { fmt.Fprintf(w, "\r%s\x1b[K", line) }
	}
	quit, done, began := make(chan struct{}), make(chan struct{}), time.Now()
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				draw(progressLine(p, time.Since(began)))
			case <-quit:
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		if terminal {
			draw(progressLine(p, time.Since(began)))
			fmt.Fprintln(w)
		}
	}
}

func progressLine(p *replay.Progress, passed time.Duration) string {
	share := 0.0
	if total := p.Total.Load(); total > 0 {
		share = min(1, float64(p.Bytes.Load())/float64(total))
	}
	full := int(share * 24)
	line := fmt.Sprintf("[%s%s] %3.0f %%  %d sent, %.0f/s", strings.Repeat("#", full), strings.Repeat(".", 24-full), 100*share, p.Sent.Load(), float64(p.Sent.Load())/max(passed.Seconds(), .001))
	for _, one := range []struct {
		n    int64
		name string
	}{{p.Failed.Load(), "failed"}, {p.Refused.Load(), "not allowed"}, {p.Skipped.Load(), "done before"}} {
		if one.n > 0 {
			line += fmt.Sprintf(", %d %s", one.n, one.name)
		}
	}
	return line
}

func indented(v any) ([]byte, error) {
	text, err := json.MarshalIndent(v, "", "  ")
	return append(text, '\n'), err
}
