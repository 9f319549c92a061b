package authoring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/autorollback/autorollback/cmd/internal/cli"
)

// A generated file is what the runbooks make.
type generated struct {
	what, path string
	text       []byte
	says       string // once it is written; may be empty
}

func (g *generate) write(all []generated) error {
	for _, f := range all {
		if err := cli.WriteFile(f.path, f.text); err != nil {
			return fmt.Errorf("write %s: %w", f.what, err)
		}
		if f.says != "" {
			fmt.Fprintln(g.c.Err, f.says)
		}
	}
	return nil
}

// compare writes nothing but what differs.
func (g *generate) compare(all []generated) error {
	differ := 0
	for _, f := range all {
		have, err := os.ReadFile(f.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			differ++
			fmt.Fprintf(g.c.Out, "%s: is not there\n", f.path)
		case err != nil:
			return fmt.Errorf("read %s: %w", f.what, err)
		case string(have) == string(f.text):
			fmt.Fprintf(g.c.Out, "%s: as the runbooks make it\n", f.path)
		default:
			differ++
			fmt.Fprintf(g.c.Out, "%s:%s\n", f.path, firstDifference(string(have), string(f.text)))
		}
	}
	if differ > 0 {
		fmt.Fprintln(g.c.Out, "Run the same command without --check, read the change, and commit it.")
	}
	return cli.Found(differ, "file", "files")
}

// firstDifference names the first line at which two texts part: its number, what is there, what the
// runbooks make, each with its end of line.
func firstDifference(have, want string) string {
	theirs, ours := strings.SplitAfter(have, "\n"), strings.SplitAfter(want, "\n")
	n := 0
	for n < len(theirs)-1 && n < len(ours)-1 && theirs[n] == ours[n] {
		n++
	}
	return fmt.Sprintf("%d: the file has %q; the runbooks make %q", n+1, theirs[n], ours[n])
}
