package main

import (
	"context"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// untilSaid closes said once a text was written.
type untilSaid struct {
	output
	text string
	said chan struct{}
}

func (u *untilSaid) Write(p []byte) (int, error) {
	before := strings.Contains(u.String(), u.text)
	n, err := u.output.Write(p)
	if !before && strings.Contains(u.String(), u.text) {
		close(u.said)
	}
	return n, err
}

// After its story the demo stays: every page that it names answers, until Ctrl-C, which is no error.
func TestDemoStaysUntilCtrlC(t *testing.T) {
	out := &untilSaid{text: "in another terminal", said: make(chan struct{})}
	ended, stop := shortShow(t, out, true)
	defer stop()
	select {
	case <-out.said:
	case err := <-ended:
		t.Fatalf("it ended: %v\n%s", err, out.String())
	}
	pages := regexp.MustCompile(`(?m)^  (http://\S+)$`).FindAllStringSubmatch(out.String(), -1)
	if len(pages) == 0 {
		t.Errorf("no page is named:\n%s", out.String())
	}
	for _, page := range pages {
		resp, err := http.Get(page[1])
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "</html>") {
			t.Errorf("%s answers %s: %v", page[1], resp.Status, err)
		}
	}
	stop()
	if err := <-ended; err != nil || cli.ExitCode(err) != cli.ExitOK {
		t.Errorf("Ctrl-C: %v", err)
	}
}

// With --exit it ends with its story.
func TestDemoEndsWithItsStory(t *testing.T) {
	var out output
	ended, stop := shortShow(t, &out, false)
	defer stop()
	if err := <-ended; err != nil || strings.Contains(out.String(), "Ctrl-C") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// shortShow runs the demo with a story in which nothing happens.
func shortShow(t *testing.T, out io.Writer, stays bool) (<-chan error, context.CancelFunc) {
	t.Helper()
	tell := func(d *show, ctx context.Context) error {
		_, err := d.client.Status(ctx)
		return err
	}
	d, err := newShow(cli.Console{Out: out, Err: out}, t.TempDir(), scenario{tell: tell}, false)
	if err != nil {
		t.Fatal(err)
	}
	d.stays = stays
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.run(ctx) }()
	return ended, stop
}
