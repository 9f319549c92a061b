package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// The first help of the lab has each of its commands once.
func TestTheFirstHelp(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), []string{"--help"}, nil, &out, &out); err != nil {
		t.Fatal(err)
	}
	app, _ := labProgram().Application(cli.Console{})
	lines := strings.Split(out.String(), "\n")
	for _, c := range app.Model().Commands {
		if n := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  "+c.Name+" ") }); (n < 0) == (c.Name != "help") {
			t.Errorf("%s: line %d of\n%s", c.Name, n, out.String())
		}
	}
	if len(lines) > 24 || !strings.HasPrefix(out.String(), "usage: autorollback-lab ") {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}
