package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/demo"
	"github.com/autorollback/autorollback/gameday"
)

// howTo is a page whose commands are typed one after the other.
type howTo struct {
	page, rollout string
	weight        string // of the release file
}

var howTos = []howTo{
	{"docs/canary.md", slowRollout, "weight: 1\n"},
	{"docs/bluegreen.md", demo.Flips()["bluegreen"].Rollout, "weight: 0\n"},
}

// howToCodes are the commands that may end with another code than 0, and those that somebody ends.
var howToCodes = map[string]step{
	"runbook check": {codes: checks}, "rules plan": {codes: checks},
	"watch": {codes: works, until: "ranker"},
}

var shell = regexp.MustCompile("(?s)```sh\n(.*?)```")

// Each command of a how-to runs against a real daemon, in the page's order.
func TestHowTosRun(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it runs a whole world")
	}
	for _, h := range howTos {
		t.Run(filepath.Base(h.page), func(t *testing.T) {
			lines := h.commands(t)
			var out output
			tell := func(d *show, ctx context.Context) error {
				player := examplePlayer{d, map[string]string{}}
				if err := player.layOut(); err != nil {
					return err
				}
				release := regexp.MustCompile(`(?m)^weight: .*\n`).ReplaceAll(demo.Release, []byte(h.weight))
				if err := cli.WriteFile(player.known["release.yaml"], release); err != nil || bytes.Equal(release, demo.Release) {
					return fmt.Errorf("the release file's weight: %w", err)
				}
				for _, line := range lines {
					if err := player.enter(ctx, line); err != nil {
						return fmt.Errorf("%s: %w", line, err)
					}
				}
				return nil
			}
			d, err := newShow(cli.Console{Out: &out, Err: &out}, t.TempDir(), scenario{tell: tell, busy: true, rollout: h.rollout}, false)
			if err != nil {
				t.Fatal(err)
			}
			if err := d.run(t.Context()); err != nil {
				t.Errorf("%v\n%s", err, out.String())
			}
		})
	}
}

// commands are those of the page's shell blocks, without their comments.
func (h howTo) commands(t *testing.T) (lines []string) {
	t.Helper()
	for _, block := range shell.FindAllStringSubmatch(text(t, h.page), -1) {
		for line := range strings.Lines(block[1]) {
			line, _, _ = strings.Cut(line, "  #")
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	if len(lines) < 6 {
		t.Fatalf("%s: only %d commands found", h.page, len(lines))
	}
	return lines
}

// enter types one command, and again for a while if it fails: there is no traffic yet, green is not warm yet.
func (p examplePlayer) enter(ctx context.Context, line string) error {
	words := strings.Fields(line)
	name := strings.Join(words[1:3], " ")
	s, there := howToCodes[name]
	if !there {
		s, there = howToCodes[words[1]]
	}
	if !there {
		s.codes = works
	}
	if s.command = name; !usesDaemon(name) {
		s.command = words[1]
	}
	ctx, stop := context.WithTimeout(ctx, time.Minute)
	defer stop()
	for {
		err := p.play(ctx, s, line)
		if err == nil {
			return nil
		}
		if late := gameday.Pause(ctx, 200*time.Millisecond); late != nil {
			return fmt.Errorf("%w; %w", late, err)
		}
	}
}
