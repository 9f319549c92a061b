package program

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/alecthomas/kingpin/v2"

	"github.com/autorollback/autorollback/audit"
	"github.com/autorollback/autorollback/cmd/internal/cli"
	"github.com/autorollback/autorollback/record"
)

// askWithin bounds how long a check waits for the daemon: what it knows is compared if it answers.
const askWithin = 10 * time.Second

// auditCommands check the journal.
func auditCommands(app *kingpin.Application, c cli.Console) map[string]cli.Action {
	cmd := app.Command("audit", "Check the records, and see who ordered what.")
	ver := cmd.Command("verify", "Check the journal's hash chain, and compare it with the heads that were kept elsewhere: those that "+
		"the daemon's store has, and those of --head. Exit code 3 if it was altered, 5 if there is nothing to compare it with. "+
		"Example: autorollback audit verify incidents/journal.jsonl")
	var v verification
	ver.Arg("journal", "The journal file.").Required().StringVar(&v.path)
	ver.Flag("head", "A head of the journal from a message, LINES:sha256:HEX; may be repeated.").StringsVar(&v.heads)
	ver.Flag("replica", "Whose journal it is; default: that of the daemon that answers.").StringVar(&v.replica)
	v.remote = remoteFlags(ver)
	list, listed := auditList(cmd, c)
	return map[string]cli.Action{list: listed, ver.FullCommand(): func(ctx context.Context) error { return v.run(ctx, c) }}
}

// A verification is what audit verify is told.
type verification struct {
	path, replica string
	heads         []string
	remote        *remote
}

func (v verification) run(ctx context.Context, c cli.Console) error {
	var kept []audit.Kept
	for _, text := range v.heads {
		h, err := record.ParseHead(text)
		if err != nil {
			return cli.Usage(err)
		}
		kept = append(kept, audit.Kept{Head: h, Where: "--head"})
	}
	// The daemon is asked first: what it knows was in the file before it knew it.
	known, problem := v.known(ctx)
	kept = append(kept, known...)
	found, err := audit.VerifyJournal(v.path, kept...)
	if err != nil {
		return cli.Wanting(err.Error())
	}
	fmt.Fprintf(c.Out, "%s: no break in the chain: %s\n", v.path, found.Head)
	if problem != "" {
		fmt.Fprintf(c.Out, "not compared with the store: %s\n", problem)
	}
	if found.Anchored == 0 {
		return cli.Unclear(v.path + " is not anchored: nothing that was kept elsewhere says that it is this journal, or all of it")
	}
	fmt.Fprintf(c.Out, "anchored up to line %d, by: %s\n", found.Anchored, places(kept))
	if found.Anchored < found.Head.Lines {
		fmt.Fprintf(c.Out, "not anchored: what follows it, up to line %d; a running daemon anchors every few seconds\n", found.Head.Lines)
	}
	return nil
}

// known are the heads that the daemon's store has of the replica's journal, or why there are none.
func (v verification) known(ctx context.Context) (kept []audit.Kept, problem string) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	client, err := v.remote.client()
	if err != nil {
		return nil, err.Error()
	}
	st, err := client.Status(ctx)
	if err != nil {
		return nil, err.Error()
	}
	name := or(v.replica, st.Replica)
	for _, a := range st.Anchors {
		if a.Replica != name {
			continue
		}
		kept = append(kept, audit.Kept{Head: a.Head, Where: "the store's anchor of " + name})
		for _, l := range a.Lost {
			kept = append(kept, audit.Kept{Head: l.Head, Where: fmt.Sprintf("the store's anchor of %s, found to be lost at %s,", name, moment(l.FoundAt))})
		}
	}
	for _, i := range st.Incidents {
		for _, a := range i.Anchors {
			if a.Replica == name {
				kept = append(kept, audit.Kept{Head: a.Head, Where: "incident " + i.ID})
			}
		}
	}
	kept = slices.DeleteFunc(kept, func(k audit.Kept) bool { return k.Lines == 0 })
	if len(kept) == 0 {
		problem = fmt.Sprintf("%s has no head of the journal of %q; name another with --replica", client.URL, name)
	}
	return kept, problem
}

// places names where heads were kept, each once.
func places(kept []audit.Kept) (text string) {
	var seen []string
	for _, k := range kept {
		if !slices.Contains(seen, k.Where) {
			seen = append(seen, k.Where)
		}
	}
	more := len(seen) - 5
	for n, where := range seen[:min(len(seen), 5)] {
		if n > 0 {
			text += ", "
		}
		text += where
	}
	if more > 0 {
		text += fmt.Sprintf(", and %d more", more)
	}
	return text
}
